//! The error codes that S3 servers answer with, and what each means to us.
//!
//! From docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html; those of other servers say so. Only
//! codes of this table are ever shown: an unknown one is a text that a server chose.

/// What a code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::s3) enum Meaning {
    NoObject,
    NoBucket,
    NoUpload,
    ConditionFailed,
    Denied,
    BadCredentials,
    OtherRegion,
    Redirect,
    ClockSkew,
    SlowDown,
    TryAgain,
    Altered,
    NotSupported,
    Locked,
    Full,
    BadRange,
    Rejected,
}

const CODES: &[(&str, Meaning)] = &[
    ("NoSuchKey", Meaning::NoObject),
    ("NoSuchVersion", Meaning::NoObject),
    ("NotFound", Meaning::NoObject),
    ("NoSuchBucket", Meaning::NoBucket),
    ("NoSuchUpload", Meaning::NoUpload),
    ("PreconditionFailed", Meaning::ConditionFailed),
    // Two conditional writes at once; asking again gives PreconditionFailed or success.
    ("ConditionalRequestConflict", Meaning::TryAgain),
    ("OperationAborted", Meaning::TryAgain),
    ("AccessDenied", Meaning::Denied),
    ("AllAccessDisabled", Meaning::Denied),
    ("AccountProblem", Meaning::Denied),
    ("Forbidden", Meaning::Denied),
    ("KMS.DisabledException", Meaning::Denied),
    ("KMS.KMSInvalidStateException", Meaning::Denied),
    ("KMS.NotFoundException", Meaning::Denied),
    ("InvalidAccessKeyId", Meaning::BadCredentials),
    ("SignatureDoesNotMatch", Meaning::BadCredentials),
    ("InvalidSecurity", Meaning::BadCredentials),
    ("InvalidToken", Meaning::BadCredentials),
    ("ExpiredToken", Meaning::BadCredentials),
    ("TokenRefreshRequired", Meaning::BadCredentials),
    ("NotSignedUp", Meaning::BadCredentials),
    ("XAdminUserNotFound", Meaning::BadCredentials), // versitygw
    ("AuthorizationHeaderMalformed", Meaning::OtherRegion),
    ("IllegalLocationConstraintException", Meaning::OtherRegion),
    ("PermanentRedirect", Meaning::Redirect),
    ("TemporaryRedirect", Meaning::Redirect),
    ("Redirect", Meaning::Redirect),
    ("RequestTimeTooSkewed", Meaning::ClockSkew),
    ("SlowDown", Meaning::SlowDown),
    ("SlowDownRead", Meaning::SlowDown),  // MinIO
    ("SlowDownWrite", Meaning::SlowDown), // MinIO
    ("Throttling", Meaning::SlowDown),
    ("ThrottlingException", Meaning::SlowDown),
    ("TooManyRequests", Meaning::SlowDown),
    ("RequestLimitExceeded", Meaning::SlowDown),
    ("BandwidthLimitExceeded", Meaning::SlowDown),
    ("InternalError", Meaning::TryAgain),
    ("ServiceUnavailable", Meaning::TryAgain),
    ("RequestTimeout", Meaning::TryAgain),
    ("XMinioServerNotInitialized", Meaning::TryAgain), // MinIO
    ("BadDigest", Meaning::Altered),
    ("InvalidDigest", Meaning::Altered),
    ("IncompleteBody", Meaning::Altered),
    ("XAmzContentSHA256Mismatch", Meaning::Altered),
    ("XAmzContentChecksumMismatch", Meaning::Altered), // MinIO
    ("NotImplemented", Meaning::NotSupported),
    ("MethodNotAllowed", Meaning::NotSupported),
    ("ObjectLocked", Meaning::Locked),                 // MinIO, versitygw
    ("StorageFull", Meaning::Full),                    // RustFS
    ("XMinioStorageFull", Meaning::Full),              // MinIO
    ("QuotaExceeded", Meaning::Full),                  // Ceph, versitygw
    ("XMinioAdminBucketQuotaExceeded", Meaning::Full), // MinIO
    ("InsufficientStorage", Meaning::Full),
    ("InvalidRange", Meaning::BadRange),
    ("EntityTooLarge", Meaning::Rejected),
    ("EntityTooSmall", Meaning::Rejected),
    ("InvalidArgument", Meaning::Rejected),
    ("InvalidBucketName", Meaning::Rejected),
    ("InvalidEncryptionAlgorithmError", Meaning::Rejected),
    ("InvalidObjectState", Meaning::Rejected),
    ("InvalidPart", Meaning::Rejected),
    ("InvalidPartOrder", Meaning::Rejected),
    ("InvalidRequest", Meaning::Rejected),
    ("InvalidStorageClass", Meaning::Rejected),
    ("InvalidURI", Meaning::Rejected),
    ("KeyTooLongError", Meaning::Rejected),
    ("MalformedXML", Meaning::Rejected),
    ("MissingContentLength", Meaning::Rejected),
    ("ObjectLockConfigurationNotFoundError", Meaning::Rejected),
];

/// The code as a constant of ours, and its meaning; none if it is not known.
pub(super) fn known(code: &str) -> Option<(&'static str, Meaning)> {
    CODES.iter().find(|(known, _)| *known == code).copied()
}

/// What a status means when the code is missing (HEAD has no body) or unknown.
pub(super) fn of_status(status: u16) -> Meaning {
    match status {
        300..=399 => Meaning::Redirect,
        401 => Meaning::BadCredentials,
        403 => Meaning::Denied,
        404 => Meaning::NoObject,
        405 | 501 => Meaning::NotSupported,
        408 | 425 | 500..=599 if status != 507 => Meaning::TryAgain,
        412 => Meaning::ConditionFailed,
        416 => Meaning::BadRange,
        429 => Meaning::SlowDown,
        507 => Meaning::Full,
        _ => Meaning::Rejected,
    }
}
