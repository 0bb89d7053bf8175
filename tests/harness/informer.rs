//! An informer, as every controller has one.

use std::time::Duration;

use anyhow::Result;
use futures::TryStreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client, ResourceExt,
    runtime::{WatchStreamExt, reflector, watcher},
};
use tokio::task::JoinHandle;

use crate::wait;

/// How long it may take to see something after an API server was away.
const SOON: Duration = Duration::from_mins(1);

/// Watches the ConfigMaps of a namespace until it is dropped.
#[derive(Debug)]
pub struct Informer {
    store: reflector::Store<ConfigMap>,
    task: JoinHandle<()>,
}

impl Informer {
    /// Starts to watch.
    pub fn start(client: Client, namespace: &str) -> Self {
        let (store, writer) = reflector::store();
        let maps = Api::<ConfigMap>::namespaced(client, namespace);
        let stream = reflector(
            writer,
            watcher(maps, watcher::Config::default()).default_backoff(),
        );
        let task = tokio::spawn(async move {
            let mut stream = std::pin::pin!(stream);
            // An API server that is away is an error that it goes on after.
            while !matches!(stream.try_next().await, Ok(None)) {}
        });
        Self { store, task }
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self
            .store
            .state()
            .iter()
            .map(|object| object.name_any())
            .filter(|name| name != "kube-root-ca.crt")
            .collect();
        names.sort();
        names
    }

    /// Waits until it sees these and no others, but for what every namespace has.
    pub async fn sees(&self, expected: &[&str]) -> Result<()> {
        wait::until(format!("the informer to see {expected:?}"), SOON, async || {
            self.names() == expected
        })
        .await
    }
}

impl Drop for Informer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
