use thiserror::Error;

/// A name that cannot become part of a key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// A namespace that Kubernetes would not accept.
    #[error(
        "a namespace is 1 to 63 lower-case letters, digits and '-', beginning and ending with a letter or digit (RFC 1123 label)"
    )]
    Namespace,
    /// A plan's name that Kubernetes would not accept.
    #[error(
        "a plan's name is 1 to 253 lower-case letters, digits, '-' and '.', every part beginning and ending with a letter or digit (RFC 1123 subdomain)"
    )]
    Plan,
    /// Not 16 lower-case hexadecimal digits.
    #[error("an etcd cluster id is written as 16 lower-case hexadecimal digits")]
    Cluster,
    /// Not a run id.
    #[error(
        "a run id is written as a UTC time and 8 characters of base 32, such as 20261123T060000Z-k3v7qa2m"
    )]
    Run,
    /// A time that four digits of a year cannot hold, or before 1970: a clock that far off is broken.
    #[error("the clock says a year that is not between 1970 and 9999")]
    Time,
    /// The operating system had no randomness to give.
    #[error("the operating system gave no random bytes for a run id")]
    Random,
}
