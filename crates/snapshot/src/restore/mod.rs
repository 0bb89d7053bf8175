//! From a snapshot to the data directories of a new cluster, without etcd.
//!
//! ```text
//! snapshot ─┬─► [thread] SHA-256            (each piece is read once for both, where they follow each other)
//!           └─► walk ► leave out, put in ► bulk writer ─► [thread] file ─► [thread] disk
//!                                                              └─► copies for the other members, log, snapshot file
//!           ─► all on the disk and read back ─► renamed into place
//! ```
//!
//! # Guarantees
//!
//! - Nothing at a target's place changes before the snapshot was proved (SHA-256, structure, every record, and what
//!   [`Expected`] says), every member was built, is on the disk, and was read back: structure and content of the database,
//!   log, and what etcd's own check (`ETCD_VERIFY`) wants of both.
//! - What was looked at is what is changed: directories are held ([`Directory`](crate::directory::Directory)), and a symbolic
//!   link that appears on the way leads nowhere.
//! - A directory that is there is never merged into, overwritten or deleted. It is refused, or renamed aside as asked.
//! - Whenever it is killed, each target is what it was or what it should become; only on a filesystem where directories cannot
//!   be exchanged there may be nothing. What is left beside it carries names that say what it is: see the source of module
//!   `place`.
//! - A failure or a cancellation removes everything temporary, and takes back what was renamed.
//!
//! # Disk space
//!
//! Each member's database and log. A source that comes but once is kept while the first database is built; where the disk has
//! no room for both, what was read of it is given back, so that both take about one copy: see the source of module `spool`.
//!
//! # Memory
//!
//! About 30 bytes for each leaf of the database twice over, 8 bytes for each record and 35 for each living key, these two
//! together at most 80 MiB: beyond that [`Restored::hash_kv`] is not known. Going back to a revision, as much again for the
//! records that are kept, and without a bound about 50 bytes for each key that is attached to a lease there. But for those, all
//! told below 128 MiB for databases of up to a gigabyte and a million keys.

mod check;
pub mod cluster;
mod control;
mod disk;
mod error;
mod history;
mod member;
mod outcome;
mod output;
mod place;
mod proto;
mod raft;
mod request;
mod rewrite;
mod run;
mod settings;
mod shared;
mod sink;
mod source;
mod space;
mod spool;

pub use control::{Control, Progress, Stage, Step, Steps, Stopped};
pub use error::RestoreError;
pub use outcome::{LeftOut, Restored, RestoredMember, Warning};
pub use request::{Alarms, EtcdVersion, Existing, Expected, Links, Request, Source, Target};

/// Makes data directories of a snapshot, as the [module](self) says. Blocks until it is done; uses four threads.
///
/// # Errors
///
/// [`RestoreError`]. What was in place before still is.
pub fn restore(
    source: Source<'_>,
    request: &Request,
    control: Control<'_>,
) -> Result<Restored, RestoreError> {
    run::Run::prepare(request, control)?.go(source)
}
