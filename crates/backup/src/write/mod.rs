//! From a stream of bytes to a backup.
//!
//! ```text
//! source ──► spool ──► [thread] verify, zstd, age, parts ──► N parts in flight ──► complete ──► HEAD ──► read back ──► manifest
//! ```
//!
//! # Guarantees
//!
//! - A manifest is written last, create-only, and only after the snapshot's trailer, structure and meaning were proved and
//!   what the store holds was proved equal to what was sent. Without a manifest there is no backup.
//! - Nothing of an upload becomes visible before the snapshot is proved.
//! - Any failure gives the upload up, or removes the object if it was complete already. What a killed process leaves is
//!   never taken for a backup, and [`catalogue::sweep`](crate::catalogue::sweep) removes it.
//! - The source is never held back by a slow store: it fills the spool, and when that is full the run ends.
//! - The fence is asked before every visible side effect, and cancelling ends the run wherever it is.
//!
//! # Memory
//!
//! `(parts in flight + 1) × part size + spool memory + what the verifier needs + about 15 MiB`, whatever the size of the
//! database. The default is (3 + 1) × 8 MiB + 8 MiB of spool.

mod commit;
mod confirm;
mod control;
mod encode;
mod error;
mod feed;
mod part;
mod recipients;
mod request;
mod run;
mod seal;
mod send;
mod spool;
mod steer;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use etcd_backup_store::Store;
use futures::Stream;

pub use confirm::Confirm;
pub use control::{Control, Fenced, Progress, ProgressNow, SourceError, Stage, Step, Steps, Stopped};
pub use error::WriteError;
pub use recipients::{RecipientError, Recipients};
pub use request::{Limits, Source, SpoolLimits, WriteRequest};

use crate::manifest::Manifest;

/// Reads a snapshot from `source` to its end, stores it and proves it.
///
/// `source` must yield exactly the bytes of one snapshot, its SHA-256 trailer included, and end.
///
/// Dropping the future is like killing the process: it stops at once and may leave an unfinished upload or an object
/// without a manifest for the sweep. Cancel through [`Control::cancel`] to have it clean up.
pub async fn write<S>(
    source: S,
    store: Arc<dyn Store>,
    request: WriteRequest,
    control: Control,
) -> Result<Manifest, WriteError>
where
    S: Stream<Item = Result<Bytes, SourceError>> + Send + 'static,
{
    run::Run::new(store, request, control)?.drive(source).await
}
