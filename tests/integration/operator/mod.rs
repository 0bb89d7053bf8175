//! The operator as it is shipped: its own binary, with the rights that config/ gives it, between a real API server, real
//! etcds and real stores.
//!
//! Every test is a [`case`]: a namespace, a bucket, and at the end the judge of `harness::oracle`. Most share one world;
//! those that kill something take turns on a second one.

mod asking;
mod case;
pub(crate) mod data;
mod judge;
mod outcome;
mod plan;
mod plugin;
mod world;

mod agreement;
mod bucket_policy;
mod credentials;
mod dead_store;
mod definitions;
mod degraded;
mod deletion;
mod demand;
mod edits;
mod endpoints;
mod forms;
mod freshness;
mod jobs;
mod killed;
mod lagging;
mod leader_change;
mod namespaces;
mod object_lock;
mod ownership;
mod permissions;
mod quiet;
mod releases;
mod replicas;
mod restarts;
mod restores;
mod retention;
mod rights;
mod schedule;
mod store_certificates;
mod store_faults;
mod trace;
mod usage;
mod wire;
