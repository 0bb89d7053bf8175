//! Every right that the operator is given, taken away once: it says which one is missing, does not try without pause, and
//! goes on with what it may do.

mod deeds;
mod role;
mod table;
mod ward;

use anyhow::{Result, ensure};
use harness::{apiserver::Access, etcd::Version};

pub(super) use role::Role;

use super::{case::Case, data, plan::Plan, world::Stage};
use table::{RIGHTS, Right};
use ward::Ward;

/// Where the operator is installed.
#[derive(Debug, Clone, Copy)]
struct Installation {
    kustomization: &'static str,
    /// `role` or `clusterrole`: what holds the rights in the namespaces that are served.
    kind: &'static str,
    /// Where the case is.
    namespace: Option<&'static str>,
}

/// In all namespaces.
const WIDE: Installation = Installation {
    kustomization: "tests/integration/operator/restores/installed",
    kind: "clusterrole",
    namespace: None,
};

/// In its own only.
const SINGLE: Installation = Installation {
    kustomization: "tests/integration/operator/rights/single",
    kind: "role",
    namespace: Some("etcd-backup-system"),
};

#[tokio::test]
async fn an_operator_that_starts_without_any_single_right_in_all_namespaces_says_which_and_recovers()
-> Result<()> {
    every_right(WIDE, |right| right.starting).await
}

#[tokio::test]
async fn an_operator_that_starts_without_any_single_right_in_one_namespace_says_which_and_recovers()
-> Result<()> {
    every_right(SINGLE, |right| right.starting).await
}

#[tokio::test]
async fn without_any_single_right_in_all_namespaces_what_is_missing_is_said_and_the_rest_goes_on()
-> Result<()> {
    every_right(WIDE, |right| !right.starting).await
}

#[tokio::test]
async fn without_any_single_right_in_one_namespace_what_is_missing_is_said_and_the_rest_goes_on() -> Result<()>
{
    every_right(SINGLE, |right| !right.starting).await
}

/// Those of the table that are `chosen`. The table is too long for one case: it would be what every other waits for.
async fn every_right(installation: Installation, chosen: impl Fn(&Right) -> bool) -> Result<()> {
    let stage = Stage::set_with(installation.kustomization).await?;
    let etcd = data::etcd(Version::V3_6).await?;
    let mut case = match installation.namespace {
        Some(namespace) => Case::within(&stage, namespace).await?,
        None => Case::on(&stage, "rights").await?,
    };
    let kubectl = stage.server.kubectl()?;
    let ward = Ward {
        stage: &stage,
        etcd: &etcd,
        case: &case,
        kubectl: &kubectl,
        access: Access::of(&stage.identity).await?,
        kind: installation.kind,
    };
    ward.is_complete().await?;
    let mut operator = ward.operator(true).await?;
    case.apply(&Plan::new("prod", &etcd, &case)).await?;
    case.take("before", "prod").await?;
    let mut wrong = Vec::new();
    for (index, right) in RIGHTS.iter().enumerate().filter(|(_, right)| chosen(right)) {
        let outcome = if right.starting {
            ward.end(&mut operator).await?;
            let recovered = ward.without_from_the_start(index, right).await;
            match recovered {
                Ok(recovered) => {
                    operator = recovered;
                    Ok(())
                }
                Err(error) => {
                    operator = ward.operator(true).await?;
                    Err(error)
                }
            }
        } else {
            ward.without(index, right, &operator).await
        };
        operator.process().check()?;
        if let Err(error) = outcome {
            wrong.push(format!("{} {}: {error:#}", right.verb, right.resource));
        }
    }
    // All of them: each run takes minutes.
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Nothing is left of what was missing.
    case.take("after", "prod").await?;
    case.follow(&operator);
    case.finish_comparing(&etcd).await?;
    ensure!(operator.stop().await?.success());
    Ok(())
}
