//! Objects in a store: S3, a local directory, memory.
//!
//! A [`Store`] holds named bytes. Everything above this crate knows only this trait, so a backup written
//! to S3 and one written to a directory go through the same code. What every store promises is written
//! once, as the cases of [`contract`] (feature `contract`), and every store of this crate passes all of it:
//!
//! - an object appears whole or not at all;
//! - [`PutMode::Create`] never replaces anything;
//! - what was sent is what is held, or the call says [`StoreError::Corrupted`];
//! - a read that ends early is an error, never a short object;
//! - errors carry no secret and nothing of what a server answered beyond a known code and a request id.
//!
//! Keys are relative to the prefix a store was configured with; see [`key`] for which keys are accepted.

pub mod checksum;
#[cfg(feature = "contract")]
pub mod contract;
pub mod error;
pub mod key;
mod listing;
pub mod local;
pub mod memory;
mod object;
mod parts;
#[cfg(feature = "s3")]
pub mod s3;
mod store;

pub use error::{Context, Operation, StoreError};
pub use listing::{LIST_CAP, list_all};
pub use local::LocalStore;
pub use memory::MemoryStore;
pub use object::{CreateOnly, GetObject, GetRange, Listing, Lock, ObjectMeta, PutMode, UploadMeta};
#[cfg(feature = "s3")]
pub use s3::{S3Config, S3Store};
pub use store::{Store, Upload};
