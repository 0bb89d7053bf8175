//! The source proved while the members are made from it.

use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::Run;
use crate::restore::error::RestoreError;
use crate::restore::source::{Extent, hash, prove};

impl Run<'_> {
    /// Does `make`, and hashes the source at the same time: the hash wants it from its beginning to its end, building in the order of keys.
    /// Succeeds when both do. Hashing takes the longer, so members are written and read back meanwhile too.
    pub(super) fn while_proving<T>(
        &self,
        (source, extent): (&File, Extent),
        make: impl FnOnce() -> Result<T, RestoreError>,
    ) -> Result<T, RestoreError> {
        if self.request.skip_hash_check && self.request.expected.sha256.is_none() {
            return make();
        }
        let halted = AtomicBool::new(false);
        let halt = || halted.load(Ordering::Relaxed) || self.control.is_cancelled();
        let (made, proved) = thread::scope(|scope| {
            let proving = scope.spawn(|| prove(&hash(source, extent, halt)?, self.request));
            let made = make();
            // A damaged snapshot is better told by its checksum; any other error needs no more of it.
            let damaged = matches!(made, Err(RestoreError::Snapshot(_)));
            halted.store(made.is_err() && !damaged, Ordering::Relaxed);
            let died = Err(RestoreError::Internal("the thread that hashes died"));
            (made, proving.join().unwrap_or(died))
        });
        match (made, proved) {
            // It stands for a kill: nobody is there any more to say anything else.
            (Err(stopped @ RestoreError::Stopped(_)), _) => Err(stopped),
            // Hashing was told to stop, for the reason that is told.
            (Err(error), Ok(()) | Err(RestoreError::Cancelled)) => Err(error),
            (_, Err(error)) => Err(error),
            (Ok(made), Ok(())) => Ok(made),
        }
    }
}
