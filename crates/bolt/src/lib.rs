//! The bbolt file format: pages, buckets, structure checks, a one-pass scanner, a bulk writer.
//!
//! Three ways to read a database, all without `unsafe` and without trusting a byte of it:
//!
//! - [`scan::Scanner`] takes the file front to back in pieces of any size and never seeks, so a database can be proved
//!   while it streams from one place to another.
//! - [`walk::Bolt`] follows the pointers of a file and holds one node a level: keys in order, from any key on.
//! - [`read::Database`] holds the whole file and looks pages up where they lie. It is short and slow, and the oracle
//!   that the other two are tested against.
//!
//! All prove what bbolt's own `Tx.Check` proves (`tx_check.go`), and refuse some things that it lets pass: see [`scan`].
//!
//! [`write::Writer`] goes the other way: a database from buckets that come in key order.
//!
//! # The format in one paragraph
//!
//! A file is a row of pages of one size. Pages 0 and 1 are *meta* pages: they name the root page and the *high-water
//! mark*, the number of pages in use. The others are nodes of B+ trees (*branch* and *leaf* pages, which may run over
//! into the pages that follow them), the list of free pages, or free. A leaf of the root tree holds one entry for each
//! bucket; an entry's value names the root page of the bucket's own tree or, for a small bucket, holds its only leaf
//! *inline*. Free pages are not wiped, so they look like nodes: only what can be reached from the root counts.
//!
//! Integers are in the byte order of the machine that wrote the file. Little-endian is read here; big-endian is refused.
#![cfg_attr(
    not(test),
    warn(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation
    )
)]

mod bitmap;
mod error;
#[cfg(feature = "forge")]
pub mod forge;
mod ledger;
mod limits;
mod little_endian;
mod meta;
pub mod page;
pub mod read;
pub mod scan;
pub mod varint;
pub mod walk;
pub mod write;

pub use error::{BoltError, MetaFlaw};
pub use limits::Limits;
pub use meta::Meta;
pub use page::{Flaw, Leaf};
pub use scan::{LeafVisitor, Scanner, Tree};
