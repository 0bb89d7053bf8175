use std::{fmt, iter};

use thiserror::Error;

/// Private keys that may decrypt a snapshot. Never shown.
#[derive(Clone)]
pub struct Identities(Vec<age::x25519::Identity>);

/// A file of identities that cannot be used. Does not repeat what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// None in it.
    #[error("no identities: a file as age-keygen writes it has a line that begins with AGE-SECRET-KEY-1")]
    Empty,
    /// The file is encrypted itself, as `age --passphrase` makes it.
    #[error(
        "the identities are encrypted themselves, with a passphrase: decrypt them first, with `age -d`, into a file that only you can read"
    )]
    Encrypted,
    /// A line that is not a private key.
    #[error("line {0} is not an age identity, which begins with AGE-SECRET-KEY-1")]
    NotAKey(usize),
}

impl Identities {
    /// Reads a file as `age-keygen` writes it: a key a line; empty lines and those that begin with `#` do not count.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        // Some editors put this mark before what they save.
        let text = text.trim_start_matches('\u{feff}');
        if text.starts_with("age-encryption.org/") || text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----") {
            return Err(IdentityError::Encrypted);
        }
        let lines = iter::zip(1.., text.lines().map(str::trim));
        let keys: Vec<_> = lines
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
            .map(|(number, line)| line.parse().map_err(|_| IdentityError::NotAKey(number)))
            .collect::<Result<_, _>>()?;
        if keys.is_empty() {
            Err(IdentityError::Empty)
        } else {
            Ok(Self(keys))
        }
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &dyn age::Identity> {
        self.0.iter().map(|key| key as _)
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identities({} hidden)", self.0.len())
    }
}
