//! The cause of a failure, in words that are safe to show.

/// Why something failed, as text.
///
/// Errors of the S3 SDK hold whole responses, and their `Debug` prints them. So they are never kept as a
/// source: what is safe in them is written into one of these, and the rest is dropped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Cause(String);

impl Cause {
    /// From words of our own or of a library that never repeats what a server sent.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The words of `error` and all its sources, joined with ": ". Only for errors whose texts are known
    /// not to repeat what a server sent: those of the operating system, of DNS and of TLS.
    pub fn chain(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut text = error.to_string();
        let mut next = error.source();
        while let Some(source) = next {
            let words = source.to_string();
            // Many errors repeat their source in their own text.
            if !text.ends_with(&words) {
                text.push_str(": ");
                text.push_str(&words);
            }
            next = source.source();
        }
        Self(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("connecting")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn a_chain_is_one_line_without_repetition() {
        let refused = std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "nobody listens");
        assert_eq!(
            Cause::chain(&Outer(refused)).to_string(),
            "connecting: nobody listens"
        );
    }
}
