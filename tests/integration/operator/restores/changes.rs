//! Word of every change to the Jobs and pods of a namespace: who asked for lists of them ten times a second kept a processor
//! busy for everybody else.

use futures::{
    StreamExt,
    stream::{BoxStream, select},
};
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::{
    Api, Client,
    core::PartialObjectMeta,
    runtime::{WatchStreamExt, watcher},
};

/// An item for each change, and for each time that something may have been missed.
pub(super) fn changes(client: &Client, namespace: &str) -> BoxStream<'static, ()> {
    let jobs: Api<PartialObjectMeta<Job>> = Api::namespaced(client.clone(), namespace);
    let pods: Api<PartialObjectMeta<Pod>> = Api::namespaced(client.clone(), namespace);
    let jobs = watcher(jobs, watcher::Config::default()).default_backoff();
    let pods = watcher(pods, watcher::Config::default()).default_backoff();
    select(jobs.map(drop), pods.map(drop)).boxed()
}
