use std::{sync::Arc, time::SystemTime};

use age::secrecy::ExposeSecret;
use bytes::Bytes;
use chrono::{DateTime, SubsecRound, Utc};
use etcd_backup_store::Store;
use futures::{Stream, stream};

use super::fixture;
use crate::{
    layout::{ClusterId, PlanKey, RunId},
    manifest::{Compression, Level, Manifest, Tool, Trigger},
    owner::Owner,
    read::Identities,
    write::{Control, Limits, Recipients, Source, SourceError, SpoolLimits, WriteError, WriteRequest, write},
};

/// Namespace and name of the plan that tests write for.
pub(crate) const PLAN: (&str, &str) = ("kube-system", "prod");

pub(crate) fn owner() -> Owner {
    Owner {
        kubernetes_cluster_uid: Some("cluster-1".into()),
        plan_uid: Some("plan-1".into()),
    }
}

/// The machine's clock, which the stores of tests go by.
pub(crate) fn live_now() -> DateTime<Utc> {
    DateTime::<Utc>::from(SystemTime::now()).trunc_subsecs(3)
}

pub(crate) fn small_limits() -> Limits {
    let spool = SpoolLimits {
        memory: 512 << 10,
        disk: 64 << 20,
        directory: std::env::temp_dir(),
    };
    Limits {
        parts_in_flight: 3,
        spool,
    }
}

/// Asks for 3.6.14's snapshot to be written as it is.
pub(crate) fn request() -> WriteRequest {
    let now = live_now();
    WriteRequest {
        plan: PlanKey::new(PLAN.0, PLAN.1).unwrap(),
        plan_uid: owner().plan_uid,
        kubernetes_cluster_uid: owner().kubernetes_cluster_uid,
        run: RunId::generate(now).unwrap(),
        source: Source {
            cluster_id: ClusterId(0xcdf8_1819_4e3a_8c32),
            member_id: ClusterId(7),
            member_name: "m0".into(),
            version: "3.6.14".into(),
            size: Some(fixture().len() as u64),
            minimum_revision: 154,
            degraded: false,
            members: Some(3),
            corrupt_alarm: false,
        },
        scheduled: None,
        started: now,
        now,
        trigger: Trigger::Manual,
        etcd_snapshot: None,
        compression: Compression::None,
        encryption: None,
        verification: Level::Readback,
        tool: Tool {
            name: "etcd-backup".into(),
            version: "0.1.0".into(),
        },
        limits: small_limits(),
    }
}

pub(crate) fn control() -> Control {
    Control::unattended()
}

/// A source of these bytes, in chunks as etcd sends them.
pub(crate) fn source_of(
    bytes: &Bytes,
) -> impl Stream<Item = Result<Bytes, SourceError>> + Send + 'static + use<> {
    source(bytes, 32 << 10)
}

/// A source of these bytes, in chunks of this size.
pub(crate) fn source(
    bytes: &Bytes,
    chunk: usize,
) -> impl Stream<Item = Result<Bytes, SourceError>> + Send + 'static + use<> {
    let mut rest = bytes.clone();
    let chunks =
        std::iter::from_fn(move || (!rest.is_empty()).then(|| Ok(rest.split_to(rest.len().min(chunk)))));
    stream::iter(chunks)
}

/// Writes 3.6.14's snapshot.
pub(crate) async fn write_fixture(
    store: &Arc<dyn Store>,
    request: WriteRequest,
    control: Control,
) -> Result<Manifest, WriteError> {
    write(source_of(&fixture()), store.clone(), request, control).await
}

/// A new pair of keys.
pub(crate) fn age_pair() -> (Recipients, Identities) {
    let key = age::x25519::Identity::generate();
    let recipients = Recipients::parse(&[key.to_public().to_string()]).unwrap();
    (
        recipients,
        Identities::parse(key.to_string().expose_secret()).unwrap(),
    )
}
