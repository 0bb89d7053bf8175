//! Why something did not work, in words fit for a status, an event and a log line.

use std::error::Error;

use crate::explain::with_causes;

/// A failure as users see it. Made where the cause is known; nothing above interprets its text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct Failure {
    /// CamelCase and stable: `SecretNotFound`, `StoreUnavailable`, `NoQuorum`, `Internal`, …
    pub reason: String,
    /// What happened, for a person. Never a secret, a response body or a URL's query.
    pub message: String,
    /// Whether another attempt may succeed without anybody changing anything.
    pub transient: bool,
}

impl Failure {
    /// A failure that another attempt may cure.
    pub fn transient(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            message: message.into(),
            transient: true,
        }
    }

    /// A failure that stays until somebody changes something.
    pub fn lasting(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            message: message.into(),
            transient: false,
        }
    }

    /// A failure from an error of the crates below, whose texts are safe to show by their contract. The causes
    /// are appended, unless the text above them already says the same.
    pub fn of(reason: &str, transient: bool, error: &(dyn Error + 'static)) -> Self {
        Self {
            reason: reason.to_owned(),
            message: with_causes(error),
            transient,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Failure;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot reach the store")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("connection refused")]
    struct Inner;

    #[test]
    fn causes_are_told_once() {
        assert_eq!(
            Failure::of("X", true, &Outer(Inner)).message,
            "cannot reach the store: connection refused"
        );
        assert_eq!(Failure::of("X", true, &Inner).message, "connection refused");
    }
}
