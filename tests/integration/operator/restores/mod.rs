//! Restores by custom resource. There are no nodes here, so the tests run the Jobs: see `kubelet`.

mod changes;
pub(super) mod container;
pub(super) mod disk;
pub(super) mod kubelet;
mod members;
mod scene;
mod set;
mod statuses;

mod drills;
mod fields;
mod killed;
mod refusals;
mod sources;
mod stateful;
mod steps;
mod whole;
