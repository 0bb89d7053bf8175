//! Stores, as people name them on a command line.

mod address;
mod backup;
mod choose;
mod failure;
mod flags;
mod identity;
pub(crate) mod plain;
mod proof;
mod source;

pub(crate) use address::Address;
pub(crate) use backup::{BackupFlags, of_inspect};
pub(crate) use choose::{Choose, Chosen, WHERE_A_STORE_BEGINS, cluster_id, plan};
pub(crate) use failure::{of_catalogue, of_store};
pub(crate) use flags::{StoreFlags, first};
use identity::IdentityFlags;
pub(crate) use proof::of_read;
pub(crate) use source::Source;
