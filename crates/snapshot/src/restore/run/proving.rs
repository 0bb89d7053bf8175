//! The source proved while the members are made from it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::Run;
use crate::restore::error::RestoreError;
use crate::restore::shared::Shared;
use crate::restore::source::prove;

impl Run<'_> {
    /// Does `work`, and hashes the source at the same time: the hash wants it from its beginning to its end, building in the order of keys.
    /// Succeeds when both do. Hashing takes the longer, so members are written and read back meanwhile too.
    pub(super) fn while_proving<T>(
        &self,
        source: &Shared,
        work: impl FnOnce() -> Result<T, RestoreError>,
    ) -> Result<T, RestoreError> {
        if self.request.skip_hash_check && self.request.expected.sha256.is_none() {
            return work();
        }
        let halted = AtomicBool::new(false);
        let halt = || halted.load(Ordering::Relaxed) || self.control.is_cancelled();
        let (worked, proved) = thread::scope(|scope| {
            let proving = scope.spawn(|| prove(&source.hash(halt)?, self.request));
            let worked = work();
            // A damaged snapshot is better told by its checksum; any other error needs no more of it.
            let damaged = matches!(worked, Err(RestoreError::Snapshot(_)));
            halted.store(worked.is_err() && !damaged, Ordering::Relaxed);
            let died = Err(RestoreError::Internal("the thread that hashes died"));
            (worked, proving.join().unwrap_or(died))
        });
        let Err(unproved) = proved else {
            return worked;
        };
        match worked {
            // It stands for a kill: nobody is there any more to say anything else.
            Err(stopped @ RestoreError::Stopped(_)) => Err(stopped),
            // Hashing was told to stop, for the reason that is told.
            Err(reason) if matches!(unproved, RestoreError::Cancelled) => Err(reason),
            Ok(_) | Err(_) => Err(unproved),
        }
    }
}
