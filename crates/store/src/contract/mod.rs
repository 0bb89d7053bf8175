//! What every store promises, as cases that run against any of them.
//!
//! A case takes a fresh, empty store and answers with a [`Violation`] that says what was promised and
//! what happened. [`run`] runs them all and names every one that failed.

mod case;
mod listing;
mod reading;
mod uploading;
mod writing;

pub use case::{Case, Violation};

use crate::{Store, StoreError};

/// Every case, in the order of a store's life: writing, reading, listing, uploading.
pub fn cases() -> Vec<Case> {
    [
        writing::cases(),
        reading::cases(),
        listing::cases(),
        uploading::cases(),
    ]
    .concat()
}

/// Runs every case, each against what `fresh` gives it, which must be empty and not shared.
///
/// # Errors
/// One line for each broken promise: the case's name and the violation.
pub async fn run<S, F>(fresh: impl Fn() -> F) -> Result<(), String>
where
    S: Store,
    F: Future<Output = Result<S, StoreError>>,
{
    let mut broken = Vec::new();
    for case in cases() {
        let outcome = match fresh().await {
            Ok(store) => case.run(&store).await,
            Err(error) => Err(error.into()),
        };
        if let Err(violation) = outcome {
            broken.push(format!("{}: {violation}", case.name()));
        }
    }
    if broken.is_empty() {
        return Ok(());
    }
    Err(broken.join("\n"))
}
