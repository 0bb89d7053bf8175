//! Speaks to live etcd members: connects, chooses one, reads its snapshot as a byte stream.
//!
//! ```no_run
//! # use etcd_backup_etcd::{choose, ChoosePolicy, Cluster, Config};
//! # use futures::TryStreamExt;
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let cluster = Cluster::new(Config::new(["http://10.0.0.1:2379", "http://10.0.0.2:2379"]))?;
//! let choice = choose(&cluster.survey().await, &ChoosePolicy::default())?;
//! let revision = cluster.linearizable_revision(&choice.endpoint).await?;
//! let mut snapshot = cluster.snapshot(&choice.endpoint).await?;
//! while let Some(bytes) = snapshot.try_next().await? {
//!     // hash, verify, store; afterwards the snapshot's own revision must have reached `revision`
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A snapshot is one member's local state, read without asking the others. So the member matters: [`choose`] picks it and says why, and
//! the linearizable read on that same member makes it catch up first. Every member has a channel of its own; nothing here balances
//! between members, and a stream is never continued on another one.
//!
//! This is the only crate that knows the client library; its types do not appear in the interface.

mod choose;
mod cluster;
mod config;
mod connect;
mod error;
mod snapshot;
mod survey;
mod text;

pub use choose::{Choice, ChoosePolicy, DEFAULT_MAX_LAG, Excluded, Refusal, choose};
pub use cluster::{Cluster, HASHED_UP_TO, HashKv};
pub use config::{Auth, Config, Timeouts, Tls};
pub use connect::CertificateProblem;
pub use error::EtcdError;
/// What [`Config::policy`] is made of.
pub use etcd_backup_dial::DialPolicy;
pub use snapshot::{SnapshotStream, StreamProblem, TRAILER_LENGTH};
pub use survey::{Alarm, AlarmKind, Member, MemberStatus, Probe, Survey};
