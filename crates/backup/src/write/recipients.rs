use std::{fmt, iter};

use thiserror::Error;

/// The public keys that a snapshot is encrypted to. Never empty.
#[derive(Clone)]
pub struct Recipients(Vec<age::x25519::Recipient>);

/// A list of recipients that cannot be used. Does not repeat what was written: it may be a private key by mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RecipientError {
    /// None at all.
    #[error("no recipients: nobody could read what is encrypted to nobody")]
    Empty,
    /// Not a public key.
    #[error(
        "recipient {0} is not an age public key, or one that was mistyped: copy the line that begins with \"age1\" again as \
         age-keygen printed it"
    )]
    NotAKey(usize),
    /// A private key where a public one belongs.
    #[error(
        "recipient {0} is a private key: put the public one there, and replace the pair, since this one may have been seen"
    )]
    PrivateKey(usize),
}

impl Recipients {
    /// Reads public keys as `age-keygen` prints them (`age1…`). Errors count from 1.
    pub fn parse<T: AsRef<str>>(keys: &[T]) -> Result<Self, RecipientError> {
        if keys.is_empty() {
            return Err(RecipientError::Empty);
        }
        let parse = |(number, key): (usize, &T)| {
            let key = key.as_ref().trim();
            if key.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") {
                return Err(RecipientError::PrivateKey(number));
            }
            key.parse().map_err(|_| RecipientError::NotAKey(number))
        };
        iter::zip(1.., keys)
            .map(parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// As a manifest records them.
    pub fn to_strings(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &dyn age::Recipient> {
        self.0.iter().map(|key| key as _)
    }
}

impl fmt::Debug for Recipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.to_strings()).finish()
    }
}
