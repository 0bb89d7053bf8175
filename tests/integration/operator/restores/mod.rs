//! Restores by custom resource. There are no nodes here, so the tests run the Jobs: see `kubelet`.

mod container;
mod disk;
mod kubelet;
mod members;
mod scene;

mod drills;
mod refusals;
mod sources;
mod stateful;
mod steps;
mod whole;
