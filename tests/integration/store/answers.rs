//! Every operation × what a server may answer.

use std::time::{Duration, SystemTime};

use anyhow::Result;
use chrono::{DateTime, Utc};
use etcd_backup_store::{PutMode, Store as _, StoreError};
use harness::s3::{Fault, Operation, S3Server};

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

#[tokio::test]
async fn a_create_whose_answer_was_lost_is_a_success_and_anothers_object_is_not() -> Result<()> {
    let (server, store) = start().await?;
    server
        .plan()
        .on(Operation::Put)
        .times(1)
        .fails(Fault::ApplyThenDrop);
    store.put("manifest", "ours".into(), PutMode::Create).await?;

    // The same bytes, but of somebody else, who was faster by one lost answer.
    server.plan().on(Operation::Put).times(1).fails(Fault::Drop);
    server.plant("tenant/other", "ours");
    let error = store
        .put("other", "ours".into(), PutMode::Create)
        .await
        .unwrap_err();
    assert_eq!(error.reason(), "AlreadyExists");
    Ok(())
}

#[tokio::test]
async fn a_create_never_answered_is_found_by_looking() -> Result<()> {
    let (server, store) = start().await?;
    server.plan().on(Operation::Put).fails(Fault::ApplyThenDrop);
    // Every attempt after the first meets the object and its answer is lost as well.
    store.put("manifest", "ours".into(), PutMode::Create).await?;
    assert_eq!(server.objects()["tenant/manifest"].as_ref(), b"ours");
    Ok(())
}

#[tokio::test]
async fn the_region_is_named_when_the_server_names_it() -> Result<()> {
    let (server, store) = start().await?;
    let elsewhere = Fault::answer_with(301, "PermanentRedirect", "x-amz-bucket-region", "eu-central-1");
    server.plan().on_any().fails(elsewhere);
    let error = store.list("", None).await.unwrap_err();
    assert!(error.to_string().contains("it is in eu-central-1"), "{error}");
    assert!(error.to_string().contains("not in region us-east-1"), "{error}");

    server.plan().clear();
    let malformed = Fault::SignedForAnotherRegion { actual: "ap-south-1" };
    server.plan().on_any().fails(malformed);
    let error = store.list("", None).await.unwrap_err();
    assert_eq!(error.reason(), "WrongRegion");
    assert!(error.to_string().contains("it is in ap-south-1"), "{error}");
    Ok(())
}

#[tokio::test]
async fn clock_skew_is_reported_with_its_size() -> Result<()> {
    let (server, store) = start().await?;
    let then: DateTime<Utc> = (SystemTime::now() - Duration::from_hours(1)).into();
    let date = then.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let skewed = Fault::answer_with(403, "RequestTimeTooSkewed", "date", &date);
    server.plan().on(Operation::Put).fails(skewed);
    let error = store.put("k", "x".into(), PutMode::Create).await.unwrap_err();
    let StoreError::ClockSkew {
        offset_seconds: Some(offset),
        ..
    } = error
    else {
        panic!("{error}")
    };
    assert!((-3610..=-3590).contains(&offset), "{offset}");
    assert_eq!(store.clock_offset(), Some(offset));
    // From then on the SDK signs by that date, which the server refuses once. Without a refusal the difference is known all the
    // same, and as of the last answer.
    let _ = store.list("", None).await;
    store.list("", None).await?;
    let offset = store.clock_offset().expect("the answer has a date");
    assert!((-10..=10).contains(&offset), "{offset}");
    assert_eq!(
        server.plan().count(Operation::Put),
        1,
        "it does not pass by trying"
    );
    Ok(())
}

#[tokio::test]
async fn what_the_server_asks_to_wait_is_waited() -> Result<()> {
    let (server, store) = start().await?;
    let wait = Fault::answer_with(503, "SlowDown", "retry-after", "1");
    server.plan().on(Operation::List).times(1).fails(wait);
    let begun = tokio::time::Instant::now();
    store.list("", None).await?;
    assert!(begun.elapsed() >= Duration::from_secs(1));

    // Longer than anyone should wait inside a call: the caller decides.
    let later = Fault::answer_with(503, "SlowDown", "retry-after", "3600");
    server.plan().on(Operation::List).fails(later);
    let error = store.list("", None).await.unwrap_err();
    let StoreError::Throttled { retry_after, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(retry_after, Some(Duration::from_hours(1)));
    Ok(())
}

#[tokio::test]
async fn a_bucket_that_vanishes_is_said_and_never_made_again() -> Result<()> {
    let (server, store) = start().await?;
    let upload = store.upload("k").await?;
    upload.part(1, "x".into()).await?;
    server.remove_bucket();
    let error = upload.part(2, "x".into()).await.unwrap_err();
    assert_eq!(error.reason(), "NoSuchBucket");
    assert!(
        error.to_string().contains("bucket backups does not exist"),
        "{error}"
    );
    assert_eq!(store.list("", None).await.unwrap_err().reason(), "NoSuchBucket");
    let put = store.put("k", "x".into(), PutMode::Create).await;
    assert_eq!(put.unwrap_err().reason(), "NoSuchBucket");
    assert_eq!(
        server.plan().count(Operation::Other),
        0,
        "something else was asked for"
    );
    Ok(())
}

#[tokio::test]
async fn a_delete_refused_by_a_policy_is_told_from_one_refused_by_a_retention() -> Result<()> {
    let (server, store) = start().await?;
    server.plant("tenant/there", "x");
    server
        .plan()
        .on(Operation::Delete)
        .fails(Fault::answer(403, "AccessDenied"));
    let error = store.delete("there").await.unwrap_err();
    assert!(error.to_string().contains("needs s3:DeleteObject"), "{error}");

    let until = "2099-01-02T03:04:05Z";
    let locked = Fault::Header {
        name: "x-amz-object-lock-retain-until-date",
        value: until.to_owned(),
    };
    server.plan().on(Operation::Head).fails(locked);
    let error = store.delete("there").await.unwrap_err();
    assert_eq!(error.reason(), "Locked");
    assert!(error.to_string().contains(until), "{error}");
    Ok(())
}

#[tokio::test]
async fn nobody_listening_and_no_such_host_are_unavailable_and_say_so() -> Result<()> {
    let server = S3Server::start(super::BUCKET).await?;
    let mut config = super::config(&server.endpoint);
    drop(server);
    let store = etcd_backup_store::S3Store::new(config.clone()).await?;
    let wait = Duration::from_secs(5);
    // The port is closed once the server's task has ended.
    let refused = async {
        loop {
            let error = store.list("", None).await.unwrap_err();
            if everything(&error).contains("refused") {
                return error;
            }
        }
    };
    let error = tokio::time::timeout(wait, refused).await?;
    assert_eq!(error.reason(), "StoreUnavailable");

    config.endpoint = Some("http://no-such-host.invalid".to_owned());
    let store = etcd_backup_store::S3Store::new(config).await?;
    let error = store.list("", None).await.unwrap_err();
    assert_eq!(error.reason(), "StoreUnavailable");
    assert!(
        everything(&error).contains("no-such-host.invalid"),
        "{}",
        everything(&error)
    );
    Ok(())
}
