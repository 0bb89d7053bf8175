//! The plans: once a year, all into one bucket, which holds backups of a tenth of them.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use etcd_backup_api::EtcdBackup;
use futures::{StreamExt, TryStreamExt, stream};
use harness::{etcd::Etcd, s3::S3Server, wait};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::{
    Api, Client, ResourceExt,
    api::{ListParams, PostParams},
};
use serde_json::json;

use super::history;
use crate::{report::say, stores::BUCKET};

const NAMESPACES: usize = 100;
const IN_EACH: usize = 100;
/// Of so many plans one has backups. With backups of all, 30,000 EtcdSnapshots would have to be written first.
const WITH_BACKUPS: usize = 10;
/// Requests of ours at once.
const AT_ONCE: usize = 8;

fn has_backups(plan: usize) -> bool {
    plan.is_multiple_of(WITH_BACKUPS)
}

/// Writes them, and what they refer to.
pub(super) async fn write(admin: &Client, etcd: &Etcd, store: &S3Server) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(admin.clone());
    let system = namespaces.get("kube-system").await.context("get kube-system")?;
    let cluster = system.uid().context("no UID")?;
    let all = stream::iter(0..NAMESPACES).map(|number| namespace(admin, etcd, (store, &cluster), number));
    all.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    say(&format!("  {} plans written", NAMESPACES * IN_EACH));
    Ok(())
}

async fn namespace(
    admin: &Client,
    etcd: &Etcd,
    (store, cluster): (&S3Server, &str),
    number: usize,
) -> Result<()> {
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
    for number in 0..IN_EACH {
        let plan: EtcdBackup = object(json!({
            "metadata": {"name": format!("prod-{number}")},
            "spec": {
                "schedule": "0 0 1 1 *",
                "etcd": {"endpoints": etcd.endpoints()},
                "storage": {"s3": {
                    "bucket": BUCKET, "endpoint": store.endpoint, "allowHTTP": true, "credentials": {"secretName": "s3"},
                }},
                "retention": {"keepLast": 3},
            },
        }))?;
        let plan = plans.create(&create, &plan).await.context("create a plan")?;
        if has_backups(number) {
            history::plant(store, &plan, cluster, SystemTime::now().into())?;
        }
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
                    let number = plan
                        .name_any()
                        .rsplit('-')
                        .next()
                        .and_then(|number| number.parse().ok());
                    let held = if number.is_some_and(has_backups) {
                        history::EACH
                    } else {
                        0
                    };
                    let status = plan.status.as_ref();
                    status.is_some_and(|status| status.snapshots == Some(held))
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
