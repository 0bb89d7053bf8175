//! What an etcd snapshot means: verification in one pass, revisions, status.
//!
//! A snapshot is a bbolt database followed by the SHA-256 of its bytes. [`Verifier`] takes it front to back, as etcd's
//! maintenance API delivers it or as a file is read, and yields a [`Report`]: everything `etcdutl snapshot status` says,
//! the HashKV that a live member would answer, and what else a backup should record. No etcd is needed, and no seeking.
#![cfg_attr(
    not(test),
    warn(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation
    )
)]

mod container;
mod crc32c;
pub mod directory;
mod error;
mod fields;
pub mod inspect;
mod limits;
mod record;
mod report;
pub mod restore;
mod revision;
mod schema;
mod verify;
mod version;

pub use container::Container;
pub use error::VerifyError;
pub use limits::Limits;
pub use report::{HashKv, Report, Status, StatusJson};
pub use revision::Revision;
pub use verify::{Verifier, verify_reader};
