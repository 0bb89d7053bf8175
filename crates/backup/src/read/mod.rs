//! From a backup to the bytes that etcd gave, and proofs of what a store holds.
//!
//! What a store returns is untrusted: a reader here never yields more bytes than the manifest says, never needs more than
//! an 8 MiB window to decompress, and ends with an error unless everything it yielded has the manifest's SHA-256.

mod decode;
mod error;
mod fetch;
mod identities;
mod open;
mod prove;
#[cfg(test)]
mod tests;

pub use error::{ProofError, ReadError};
pub use identities::{Identities, IdentityError};
pub use open::{SnapshotReader, open, open_unproved};
pub(crate) use prove::{Expected, check_head, read_back};
pub use prove::{prove, prove_snapshot};
