//! Telling how far the task is: lines on standard output, which the operator reads in the pod's log.

use std::{
    io::{self, Write},
    sync::{Mutex, PoisonError},
    time::Instant,
};

use etcd_backup_operator::agent::{PROGRESS_EVERY, Said};
use etcd_backup_snapshot::restore::Progress;

/// Tells how far a restore is.
pub(super) fn restoring() -> impl Fn(Progress) + Send + Sync + 'static {
    let teller = Teller::default();
    move |told| {
        if let Some(said) = Said::of_restore(told) {
            teller.tell(said);
        }
    }
}

/// Tells how far the task is, now and then.
#[derive(Debug, Default)]
pub(super) struct Teller(Mutex<Option<(Instant, Said)>>);

impl Teller {
    /// Prints a line, unless one was printed a moment ago or there is nothing new.
    pub(super) fn tell(&self, said: Said) {
        // Only printing could have failed while it was held, and that is no reason to stop.
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told
            .as_ref()
            .is_some_and(|(when, before)| *before == said || when.elapsed() < PROGRESS_EVERY)
        {
            return;
        }
        *told = Some((Instant::now(), said));
        let _ = writeln!(io::stdout().lock(), "{said}");
    }
}
