//! Every operation × what a server may answer.

use anyhow::Result;
use harness::s3::{Fault, Operation};

use super::{ATTEMPTS, everything, perform, start};

/// A fault for good, the reason it must be reported with, and whether it is tried again.
struct Lasting {
    fault: Fault,
    reason: &'static str,
    retried: bool,
}

fn lasting() -> Vec<Lasting> {
    let case = |fault, reason, retried| Lasting {
        fault,
        reason,
        retried,
    };
    vec![
        case(Fault::answer(500, "InternalError"), "StoreUnavailable", true),
        case(Fault::answer(502, ""), "StoreUnavailable", true),
        case(Fault::answer(503, "SlowDown"), "Throttled", true),
        case(
            Fault::answer_with(429, "TooManyRequests", "retry-after", "0"),
            "Throttled",
            true,
        ),
        case(Fault::answer(403, "AccessDenied"), "PermissionDenied", false),
        case(
            Fault::answer(403, "InvalidAccessKeyId"),
            "InvalidCredentials",
            false,
        ),
        case(
            Fault::answer(403, "SignatureDoesNotMatch"),
            "InvalidCredentials",
            false,
        ),
        case(Fault::answer(400, "ExpiredToken"), "InvalidCredentials", false),
        case(Fault::answer(404, "NoSuchBucket"), "NoSuchBucket", false),
        case(
            Fault::answer_with(301, "PermanentRedirect", "x-amz-bucket-region", "eu-central-1"),
            "WrongRegion",
            false,
        ),
        case(
            Fault::answer_with(307, "TemporaryRedirect", "location", "http://169.254.169.254/"),
            "Redirected",
            false,
        ),
        case(Fault::answer(403, "RequestTimeTooSkewed"), "ClockSkew", false),
        case(Fault::answer(507, "XMinioStorageFull"), "StoreFull", false),
        case(Fault::Drop, "StoreUnavailable", true),
        case(Fault::EchoCredentials { status: 500 }, "StoreUnavailable", true),
    ]
}

/// HEAD has no body, so no code: what is left is what the status says.
fn reason_of_head(case: &Lasting) -> &'static str {
    match case.fault {
        Fault::Answer { status: 404, .. } => "NotFound",
        Fault::Answer { status: 403, .. } => "PermissionDenied",
        Fault::Answer { status: 400, .. } => "Rejected",
        Fault::Answer { status: 503, .. } => "StoreUnavailable",
        _ => case.reason,
    }
}

#[tokio::test]
async fn every_lasting_fault_is_reported_for_what_it_is_by_every_operation() -> Result<()> {
    for operation in Operation::USED {
        for case in lasting() {
            let (server, store) = start().await?;
            server.plant("tenant/there", "x");
            server.plan().on(operation).fails(case.fault.clone());
            let error = perform(&store, operation).await.unwrap_err();
            let expected = match operation {
                Operation::Head => reason_of_head(&case),
                _ => case.reason,
            };
            let what = format!("{operation:?} {:?}", case.fault);
            assert_eq!(error.reason(), expected, "{what}: {error}");
            let tries = server.plan().count(operation);
            if case.retried {
                assert_eq!(tries, ATTEMPTS, "{what}");
            } else {
                // A condition may be what is refused, so some requests are made once without it.
                assert!(tries <= 2, "{what}: {tries} tries");
            }
            assert!(!everything(&error).contains("CANARY"), "{what}: {error:?}");
            assert!(!everything(&error).contains("as planned"), "{what}: {error:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn every_passing_fault_is_survived_by_every_operation() -> Result<()> {
    let faults = [
        Fault::answer(500, "InternalError"),
        Fault::answer(503, "SlowDown"),
        Fault::answer_with(429, "TooManyRequests", "retry-after", "0"),
        Fault::answer(409, "OperationAborted"),
        Fault::Drop,
        Fault::DropMidRequest { after: 3 },
        // The answer is lost, or wrong, though the deed is done.
        Fault::ApplyThenDrop,
        Fault::ApplyThenAnswer {
            status: 500,
            code: "InternalError",
        },
    ];
    for operation in Operation::USED {
        for fault in &faults {
            if operation == Operation::Head && matches!(fault, Fault::Answer { status: 409, .. }) {
                // Without a body there is no code, and 409 alone may be anything.
                continue;
            }
            let (server, store) = start().await?;
            server.plant("tenant/there", "x");
            server.plan().on(operation).times(2).fails(fault.clone());
            let outcome = perform(&store, operation).await;
            assert!(outcome.is_ok(), "{operation:?} {fault:?}: {outcome:?}");
            let written = [
                Operation::Put,
                Operation::CreateUpload,
                Operation::UploadPart,
                Operation::CompleteUpload,
            ];
            let there = server.objects().contains_key("tenant/new");
            assert_eq!(there, written.contains(&operation), "{operation:?} {fault:?}");
        }
    }
    Ok(())
}
