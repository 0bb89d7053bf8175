//! Stores, as people name them on a command line.

mod address;
mod choose;
mod flags;
mod identity;
mod plain;
mod proof;
mod source;

pub(crate) use address::Address;
pub(crate) use choose::{Choose, Chosen, cluster_id, plan};
pub(crate) use flags::{StoreFlags, first, of_catalogue, of_store};
pub(crate) use identity::IdentityFlags;
pub(crate) use plain::{PlainFlags, of_inspect};
pub(crate) use source::Source;
