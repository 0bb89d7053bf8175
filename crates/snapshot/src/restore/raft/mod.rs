//! What a member needs beside its database: the log and the snapshot file that raft starts from.
//!
//! Both say the same: entries 1 to N made the N members known, all are applied, and what came of them is in the database.
//! The log *must* carry a snapshot record at N, and up to etcd 3.6 the snapshot file has to be there too. A member starts
//! without either, but then one that joins later is brought up to date from entry 1 on, which is to say that it gets no keys
//! at all and nobody notices.

mod decode;
mod log;
mod snap;

pub(crate) use decode::{Log, read_log};
pub(crate) use log::{LOG_NAME, LOG_SIZE, log};
pub(crate) use snap::{read_snapshot_file, snapshot_file, snapshot_name};

/// The term of everything that a restore writes (`v3_snapshot.go`: `term := uint64(1)`).
pub(crate) const TERM: u64 = 1;
