//! A case, and the words for what it finds.

use std::fmt;

use futures::future::BoxFuture;

use crate::{Store, StoreError};

/// A promise that was not kept.
#[derive(Debug)]
pub struct Violation(String);

impl Violation {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<StoreError> for Violation {
    fn from(error: StoreError) -> Self {
        Self(format!("unexpected error {}: {error}", error.reason()))
    }
}

/// What a case answers with.
pub(super) type Outcome = Result<(), Violation>;

type Body = for<'a> fn(&'a dyn Store) -> BoxFuture<'a, Outcome>;

/// One promise and the code that tries to break it.
#[derive(Clone, Copy)]
pub struct Case {
    name: &'static str,
    body: Body,
}

impl Case {
    pub(super) const fn new(name: &'static str, body: Body) -> Self {
        Self { name, body }
    }

    /// The promise, as a sentence in snake case.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Tries it on this store.
    pub async fn run(&self, store: &dyn Store) -> Result<(), Violation> {
        (self.body)(store).await
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Case").field(&self.name).finish()
    }
}

/// Lists async functions as [`Case`]s under their own names.
macro_rules! cases {
    ($($name:ident),+ $(,)?) => {
        pub(super) fn cases() -> Vec<$crate::contract::Case> {
            vec![$($crate::contract::Case::new(stringify!($name), |store| Box::pin($name(store)))),+]
        }
    };
}
pub(super) use cases;

/// A [`Violation`] unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($text:tt)+) => {
        if !$condition {
            return Err($crate::contract::Violation::new(format!($($text)+)));
        }
    };
}
pub(super) use ensure;

/// The error of a call that must fail, by its reason.
pub(super) fn expect_reason<T>(result: Result<T, StoreError>, reason: &str, what: &str) -> Outcome {
    match result {
        Err(error) if error.reason() == reason => Ok(()),
        Err(error) => Err(Violation::new(format!(
            "{what}: expected {reason}, got {}: {error}",
            error.reason()
        ))),
        Ok(_) => Err(Violation::new(format!("{what}: expected {reason}, got success"))),
    }
}

/// `length` bytes that differ from those of other seeds and do not repeat at any part size.
pub(super) fn noise(length: usize, seed: u64) -> bytes::Bytes {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        // xorshift64*: plain arithmetic is enough, these are not secrets.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    bytes.truncate(length);
    bytes.into()
}
