//! A day later: what the dead left is swept. The operator's clock and the store's cannot be turned by a test, so this does
//! what the operator does every few hours, at the time that it is given.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use etcd_backup_backup::{
    catalogue::{self, Age, Swept},
    layout::PlanKey,
    owner::Owner,
};
use etcd_backup_dial::DialPolicy;
use etcd_backup_store::s3::{Credentials, S3Config, S3Store};
use harness::s3::S3Server;
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, ResourceExt};

use crate::operator::{case::Case, schedule::now};

/// The limit of one run, as plans of tests have it.
const TIMEOUT: Duration = Duration::from_mins(2);

/// Sweeps at once, which must remove nothing, and a day later. Says how many snapshots and how many uploads went then.
pub(super) async fn sweep(case: &Case, server: &S3Server) -> Result<(usize, usize)> {
    let namespaces: Api<Namespace> = Api::all(case.client.clone());
    let owner = Owner {
        kubernetes_cluster_uid: namespaces.get("kube-system").await?.uid(),
        plan_uid: case.plans().get("prod").await?.uid(),
    };
    let store = store(case, server).await?;
    let plan = PlanKey::new(&*case.namespace, "prod")?;
    let at = async |now: DateTime<Utc>| {
        let age = Age {
            now,
            timeout: TIMEOUT,
            under_way_since: None,
        };
        let swept = catalogue::sweep(&store, &plan, &owner, age, &|| Ok(())).await;
        let swept: Swept = swept.with_context(|| format!("sweep at {now}"))?;
        ensure!(swept.failed.is_empty(), "{swept:?}");
        Ok((swept.snapshots.len(), swept.uploads.len()))
    };
    let young = at(now()).await?;
    ensure!(young == (0, 0), "what is young was swept: {young:?}");
    at(now() + TimeDelta::hours(25)).await
}

async fn store(case: &Case, server: &S3Server) -> Result<S3Store> {
    let mut config = S3Config::new(&case.bucket);
    config.endpoint = Some(server.endpoint.clone());
    config.path_style = true;
    config.allow_http = true;
    config.policy = DialPolicy::allow_all();
    "backups".clone_into(&mut config.prefix);
    config.credentials = Credentials::Static {
        access_key_id: S3Server::ACCESS_KEY.to_owned(),
        secret_access_key: S3Server::SECRET_KEY.to_owned(),
        session_token: None,
    };
    S3Store::new(config).await.context("open the store")
}
