//! What a backup is: the layout of a bucket, the manifest, the write pipeline, catalogue, retention and schedule.
//!
//! | module | answers |
//! |---|---|
//! | [`layout`] | which key is what, and whose |
//! | [`manifest`] | what is known of a backup |
//! | [`owner`] | who may write below a plan's prefix |
//! | [`schedule`] | when a backup is due |
//! | [`mod@write`] | from a stream of bytes to a backup |
//! | [`read`] | from a backup back to those bytes, and proofs of what a store holds |
//! | [`catalogue`] | what a bucket holds, and removing some of it |
//! | [`newest`] | which backup is the newest, where a clock may have been wrong |
//! | [`retention`] | which backups are kept, which go, and why |
//!
//! Nothing here knows Kubernetes, etcd's client or any particular store, and nothing reads the clock.

pub mod catalogue;
pub mod layout;
pub mod manifest;
pub mod newest;
pub mod owner;
pub mod read;
pub mod retention;
pub mod schedule;
pub mod write;

#[cfg(test)]
mod testing;
