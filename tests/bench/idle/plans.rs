//! The plans: once a year, all into one bucket.

use std::time::Duration;

use anyhow::{Context, Result};
use etcd_backup_api::EtcdBackup;
use futures::{StreamExt, TryStreamExt, stream};
use harness::{etcd::Etcd, s3::S3Server, wait};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::{
    Api, Client,
    api::{ListParams, PostParams},
};
use serde_json::json;

use crate::{report::say, stores::BUCKET};

const NAMESPACES: usize = 100;
const IN_EACH: usize = 100;
/// Requests of ours at once.
const AT_ONCE: usize = 8;

/// Writes them, and what they refer to.
pub(super) async fn write(admin: &Client, etcd: &Etcd, store: &str) -> Result<()> {
    let all = stream::iter(0..NAMESPACES).map(|number| namespace(admin, etcd, store, number));
    all.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    say(&format!("  {} plans written", NAMESPACES * IN_EACH));
    Ok(())
}

async fn namespace(admin: &Client, etcd: &Etcd, store: &str, number: usize) -> Result<()> {
    let (name, create) = (format!("team-{number}"), PostParams::default());
    let namespace: Namespace = object(json!({"metadata": {"name": name}}))?;
    Api::all(admin.clone())
        .create(&create, &namespace)
        .await
        .context("create a namespace")?;
    let secret: Secret = object(json!({
        "metadata": {"name": "s3"},
        "stringData": {"AWS_ACCESS_KEY_ID": S3Server::ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": S3Server::SECRET_KEY},
    }))?;
    Api::namespaced(admin.clone(), &name)
        .create(&create, &secret)
        .await
        .context("create a Secret")?;
    let plans: Api<EtcdBackup> = Api::namespaced(admin.clone(), &name);
    for plan in 0..IN_EACH {
        let plan: EtcdBackup = object(json!({
            "metadata": {"name": format!("prod-{plan}")},
            "spec": {
                "schedule": "0 0 1 1 *",
                "etcd": {"endpoints": etcd.endpoints()},
                "storage": {"s3": {
                    "bucket": BUCKET, "endpoint": store, "allowHTTP": true, "credentials": {"secretName": "s3"},
                }},
                "retention": {"keepLast": 3},
            },
        }))?;
        plans.create(&create, &plan).await.context("create a plan")?;
    }
    Ok(())
}

fn object<T: serde::de::DeserializeOwned>(json: serde_json::Value) -> Result<T> {
    serde_json::from_value(json).context("write an object down")
}

/// Waits until every plan has a status that knows what its store holds.
pub(super) async fn until_settled(admin: &Client, deadline: Duration) -> Result<()> {
    let mut waiting: Vec<usize> = (0..NAMESPACES).collect();
    wait::until("every plan to have its status", deadline, async || {
        while let Some(number) = waiting.last() {
            let plans: Api<EtcdBackup> = Api::namespaced(admin.clone(), &format!("team-{number}"));
            let settled = plans.list(&ListParams::default()).await.is_ok_and(|plans| {
                let settled = |plan: &EtcdBackup| {
                    let status = plan.status.as_ref();
                    status.is_some_and(|status| status.snapshots.is_some())
                };
                plans.items.len() == IN_EACH && plans.items.iter().all(settled)
            });
            if !settled {
                return false;
            }
            waiting.pop();
        }
        true
    })
    .await
}
