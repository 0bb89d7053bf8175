//! The manifest: what makes a stored snapshot a backup, and all that restoring needs to know.
//!
//! A manifest is JSON, written last and create-only, and never changed. It is a promise to the future: every later
//! version reads it. See [`FormatVersion`] for how the format may grow.
//!
//! What is read back is untrusted input. Reading is therefore strict: at most [`MAX_BYTES`], no duplicate fields, no
//! field that this format does not have, no `null`, every number in range, and every name in it must be the one that its
//! key says. A manifest never holds a key, a path or a URL: where its snapshot lies follows from where it lies itself.

mod digest;
mod error;
mod parse;
mod strict;
#[cfg(test)]
mod tests;
mod types;
mod version;

pub use digest::{Crc64Nvme, Sha256};
pub use error::ManifestError;
pub use types::{
    Compression, Encryption, Etcd, HashKv, Level, Manifest, Object, Plan, Snapshot, SnapshotObject, Times,
    Tool, Trigger, Verification,
};
pub use version::FormatVersion;

/// The largest manifest that is written or read. A real one has about 2 KiB.
pub const MAX_BYTES: usize = 64 * 1024;
