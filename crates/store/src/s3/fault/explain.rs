//! From a fault to the error a caller can act on.

use super::{Fault, Kind, Meaning};
use crate::error::Cause;
use crate::object::GetRange;
use crate::{Context, Operation, StoreError};

/// What the store knows about itself that a message needs.
pub(in crate::s3) struct Place<'a> {
    pub(in crate::s3) bucket: &'a str,
    pub(in crate::s3) region: &'a str,
    pub(in crate::s3) clock_offset: Option<i64>,
}

impl Fault {
    /// The error for `at`, which names the operation and the key.
    pub(in crate::s3) fn explain(self, at: Context, place: &Place<'_>) -> StoreError {
        let operation = at.operation();
        let at = self.at(at).boxed();
        match self.kind {
            Kind::Answer(meaning) => Answer {
                meaning,
                operation,
                region: self.region,
                retry_after: self.retry_after,
            }
            .explain(at, place),
            Kind::Broken(source) => StoreError::Unavailable { at, source },
            Kind::Stalled(after) => StoreError::Timeout { at, after },
            Kind::Refused(source) => StoreError::EndpointRefused { source },
            Kind::Certificate(source) => StoreError::CertificateInvalid { at, source },
            Kind::NoCredentials(source) => StoreError::MissingCredentials { at, source },
        }
    }

    fn at(&self, mut at: Context) -> Context {
        if let Some(status) = self.status {
            at = at.status(status);
        }
        if let Some(code) = self.code {
            at = at.code(code);
        }
        if let Some(id) = &self.request_id {
            at = at.request_id(id);
        }
        at
    }
}

struct Answer {
    meaning: Meaning,
    operation: Operation,
    region: Option<String>,
    retry_after: Option<std::time::Duration>,
}

impl Answer {
    fn explain(self, at: Box<Context>, place: &Place<'_>) -> StoreError {
        match self.meaning {
            Meaning::NoObject => StoreError::NotFound { at },
            Meaning::NoBucket => StoreError::NoSuchBucket {
                at,
                place: format!("bucket {}", place.bucket),
            },
            Meaning::NoUpload => StoreError::NoSuchUpload { at },
            Meaning::ConditionFailed if self.operation == Operation::Get => StoreError::Changed { at },
            Meaning::ConditionFailed => StoreError::AlreadyExists { at },
            Meaning::Denied => StoreError::PermissionDenied {
                at,
                permission: permission(self.operation),
            },
            Meaning::BadCredentials => StoreError::InvalidCredentials { at },
            Meaning::OtherRegion => wrong_region(at, place, self.region),
            Meaning::Redirect if self.region.is_some() => wrong_region(at, place, self.region),
            Meaning::Redirect => StoreError::Redirected { at },
            Meaning::ClockSkew => StoreError::ClockSkew {
                at,
                offset_seconds: place.clock_offset,
            },
            Meaning::SlowDown => StoreError::Throttled {
                at,
                retry_after: self.retry_after,
            },
            Meaning::TryAgain => StoreError::Unavailable {
                at,
                source: Cause::new("the store answered with a fault of its own"),
            },
            Meaning::Altered => StoreError::Corrupted {
                at,
                why: "the bytes arrived at the store differing from those sent".to_owned(),
            },
            Meaning::NotSupported => StoreError::Unsupported { at },
            Meaning::Locked => StoreError::Locked { at, until: None },
            Meaning::Full => StoreError::Full { at },
            Meaning::BadRange => GetRange::past_the_end(at),
            Meaning::Rejected => StoreError::Rejected { at },
        }
    }
}

fn wrong_region(at: Box<Context>, place: &Place<'_>, actual: Option<String>) -> StoreError {
    StoreError::WrongRegion {
        at,
        configured: place.region.to_owned(),
        actual,
    }
}

/// The action of a policy that allows this
/// (docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html).
fn permission(operation: Operation) -> Option<&'static str> {
    match operation {
        Operation::Put | Operation::BeginUpload | Operation::UploadPart | Operation::CompleteUpload => {
            Some("s3:PutObject")
        }
        Operation::Get | Operation::Head => Some("s3:GetObject"),
        Operation::List => Some("s3:ListBucket"),
        Operation::Delete => Some("s3:DeleteObject"),
        Operation::AbortUpload => Some("s3:AbortMultipartUpload"),
        Operation::ListUploads => Some("s3:ListBucketMultipartUploads"),
        Operation::Open => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::codes;
    use super::*;

    fn answered(status: u16, code: Option<&str>, header: Option<&str>) -> Fault {
        let mut fault = Fault {
            kind: Kind::Broken(Cause::new("")),
            status: Some(status),
            code: None,
            request_id: None,
            region: header.map(str::to_owned),
            retry_after: header.and_then(|h| h.parse().ok()).map(Duration::from_secs),
        };
        fault.read_code(code);
        fault
    }

    fn explained(operation: Operation, fault: Fault) -> StoreError {
        let place = Place {
            bucket: "b",
            region: "us-east-1",
            clock_offset: Some(-3600),
        };
        fault.explain(Context::new(operation).key("k"), &place)
    }

    /// Operation, status, code; reason, and whether it may pass by itself.
    #[rustfmt::skip]
    const ANSWERS: &[(Operation, u16, Option<&str>, &str, bool)] = &[
        (Operation::Get, 404, Some("NoSuchKey"), "NotFound", false),
        (Operation::Head, 404, None, "NotFound", false),
        (Operation::Put, 404, Some("NoSuchBucket"), "NoSuchBucket", false),
        (Operation::Put, 412, Some("PreconditionFailed"), "AlreadyExists", false),
        (Operation::Get, 412, Some("PreconditionFailed"), "Changed", false),
        (Operation::Put, 409, Some("ConditionalRequestConflict"), "StoreUnavailable", true),
        (Operation::Put, 403, Some("AccessDenied"), "PermissionDenied", false),
        (Operation::Head, 403, None, "PermissionDenied", false),
        (Operation::Put, 403, Some("InvalidAccessKeyId"), "InvalidCredentials", false),
        (Operation::Put, 404, Some("XAdminUserNotFound"), "InvalidCredentials", false),
        (Operation::Put, 400, Some("ExpiredToken"), "InvalidCredentials", false),
        (Operation::Put, 400, Some("AuthorizationHeaderMalformed"), "WrongRegion", false),
        (Operation::Put, 301, Some("PermanentRedirect"), "Redirected", false),
        (Operation::Put, 307, None, "Redirected", false),
        (Operation::Put, 403, Some("RequestTimeTooSkewed"), "ClockSkew", false),
        (Operation::Put, 503, Some("SlowDown"), "Throttled", true),
        (Operation::Put, 429, None, "Throttled", true),
        (Operation::Put, 500, Some("InternalError"), "StoreUnavailable", true),
        (Operation::Put, 502, None, "StoreUnavailable", true),
        (Operation::CompleteUpload, 200, Some("InternalError"), "StoreUnavailable", true),
        (Operation::CompleteUpload, 200, Some("Whatever"), "StoreUnavailable", true),
        (Operation::UploadPart, 400, Some("BadDigest"), "Corrupted", true),
        (Operation::Put, 501, Some("NotImplemented"), "Unsupported", false),
        (Operation::Delete, 403, Some("ObjectLocked"), "Locked", false),
        (Operation::Put, 507, None, "StoreFull", false),
        (Operation::Put, 400, Some("XMinioStorageFull"), "StoreFull", false),
        (Operation::Get, 416, Some("InvalidRange"), "InvalidRequest", false),
        (Operation::Put, 400, Some("InvalidArgument"), "Rejected", false),
        (Operation::Put, 418, Some("CanaryCode"), "Rejected", false),
    ];

    #[test]
    fn every_answer_becomes_what_a_caller_can_act_on() {
        for &(operation, status, code, reason, transient) in ANSWERS {
            let error = explained(operation, answered(status, code, None));
            assert_eq!(error.reason(), reason, "{status} {code:?}");
            assert_eq!(error.is_transient(), transient, "{status} {code:?}");
        }
    }

    #[test]
    fn an_unknown_code_is_not_repeated() {
        let error = explained(Operation::Put, answered(400, Some("AKIACANARY"), None));
        assert!(!format!("{error} {error:?}").contains("CANARY"));
    }

    #[test]
    fn a_redirect_with_a_region_names_it() {
        let error = explained(Operation::Put, answered(301, None, Some("eu-west-1")));
        assert_eq!(
            error.to_string(),
            "put \"k\" (HTTP 301): the bucket is not in region us-east-1: it is in eu-west-1"
        );
    }

    #[test]
    fn a_fault_that_says_when_to_come_back_is_throttling() {
        let error = explained(
            Operation::Put,
            answered(503, Some("ServiceUnavailable"), Some("5")),
        );
        let StoreError::Throttled { retry_after, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(retry_after, Some(Duration::from_secs(5)));
    }

    #[test]
    fn no_code_stands_in_the_table_twice() {
        for status in 100..600 {
            let _ = codes::of_status(status);
        }
        assert_eq!(codes::known("SlowDown"), Some(("SlowDown", Meaning::SlowDown)));
        assert_eq!(codes::known("slowdown"), None);
    }
}
