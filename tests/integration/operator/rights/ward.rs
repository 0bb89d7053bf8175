//! What one installation's rights are tried on, and how one is taken away.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use harness::{apiserver::Access, etcd::Etcd, kubectl::Kubectl, operator::Operator, wait};

use super::{
    Role,
    deeds::When,
    table::{self, EXEMPT, RIGHTS, Right},
};
use crate::operator::{
    case::Case,
    outcome::PATIENCE,
    permissions::lines,
    world::{LEASE, Stage},
};

/// A log with more lines than this about one missing right is that of a hot loop: pauses double from a second on.
const OFTEN: usize = 20;

/// What one installation's rights are tried on.
pub(super) struct Ward<'a> {
    pub(super) stage: &'a Stage,
    pub(super) etcd: &'a Etcd,
    pub(super) case: &'a Case,
    pub(super) kubectl: &'a Kubectl,
    /// What the operator may do.
    pub(super) access: Access,
    pub(super) kind: &'a str,
}

impl Ward<'_> {
    pub(super) async fn role(&self, right: &Right) -> Result<Role> {
        let own = Some(&*self.stage.identity.namespace);
        let namespace = match right.role {
            "etcd-backup-operator-cluster-identity" => Some("kube-system"),
            "etcd-backup-operator-leader-election" => own,
            _ if self.kind == "role" => own,
            _ => None,
        };
        Role::known(&self.case.client, namespace, right.role).await
    }

    /// Every right that is installed is in the table, or stands beside it with a reason.
    pub(super) async fn is_complete(&self) -> Result<()> {
        let mut missing = BTreeSet::new();
        let roles: BTreeSet<_> = RIGHTS.iter().map(|right| right.role).collect();
        for name in roles {
            let any = RIGHTS.iter().find(|right| right.role == name).context("any")?;
            for (resource, verb) in self.role(any).await?.rights() {
                let known = |role: &str, of: &str, by: &str| (role, of, by) == (name, &*resource, &*verb);
                let listed = RIGHTS
                    .iter()
                    .any(|right| known(right.role, right.resource, right.verb));
                let exempt = EXEMPT.iter().any(|(role, of, by, _)| known(role, of, by));
                if !listed && !exempt {
                    missing.insert(format!("{name}: {verb} {resource}"));
                }
            }
        }
        ensure!(missing.is_empty(), "rights that no case takes away: {missing:?}");
        Ok(())
    }

    pub(super) async fn operator(&self, restores: bool) -> Result<Operator> {
        let mut operator = self.launch(restores, true)?;
        operator.ready().await?;
        Ok(operator)
    }

    pub(super) fn launch(&self, restores: bool, image: bool) -> Result<Operator> {
        let watch = format!("--watch-namespace={}", self.case.namespace);
        let mut flags = LEASE.to_vec();
        flags.extend(["--catalogue-resync=4s", "--pod-name=operator-of-the-test"]);
        if restores {
            flags.push("--enable-restore");
        }
        if image {
            flags.push("--agent-image=etcd-backup:test");
        }
        if self.kind == "role" {
            flags.push(&watch);
        }
        self.stage.replica(&flags)
    }

    /// Waits until the API server has heard of it.
    pub(super) async fn until_allowed(&self, right: &Right, allowed: bool) -> Result<()> {
        let identity = &self.stage.identity;
        let namespace = match right.role {
            "etcd-backup-operator-cluster-identity" => "kube-system",
            "etcd-backup-operator-leader-election" => &identity.namespace,
            _ => &self.case.namespace,
        };
        let (resource, sub) = match right.resource.split_once('/') {
            Some((resource, sub)) => (resource, format!(" --subresource={sub}")),
            None => (right.resource, String::new()),
        };
        let name = match resource {
            "namespaces" => "/kube-system",
            "leases" if right.verb != "create" => "/etcd-backup-operator",
            _ => "",
        };
        let words = format!("{} {resource}{}{name}{sub}", right.verb, table::group(resource));
        let what = format!("the API server to know of {} {}", right.verb, right.resource);
        wait::until(what, PATIENCE, async || {
            let answer = self.access.may(&words, namespace).await;
            answer.is_ok_and(|answer| answer == allowed)
        })
        .await
    }

    /// While the operator runs.
    pub(super) async fn without(&self, index: usize, right: &Right, operator: &Operator) -> Result<()> {
        let role = self.role(right).await?;
        let seen = lines(operator.log(), &[&right.words()]);
        self.deed(index, right, When::Allowed).await?;
        role.without_right(right.resource, right.verb).await?;
        let outcome: Result<()> = async {
            self.until_allowed(right, false).await?;
            self.deed(index, right, When::Missing).await?;
            self.told(index, right, operator).await?;
            self.rest_goes_on(index, right).await
        }
        .await;
        role.restore().await?;
        outcome?;
        let often = lines(operator.log(), &[&right.words()]) - seen;
        ensure!(often < OFTEN, "it was said {often} times");
        self.until_allowed(right, true).await?;
        self.recovers(index, right).await
    }

    /// From the moment at which it starts. Gives the operator that has recovered.
    pub(super) async fn without_from_the_start(&self, index: usize, right: &Right) -> Result<Operator> {
        let role = self.role(right).await?;
        if (right.resource, right.verb) == ("leases", "create") {
            let namespace = format!("--namespace={}", self.stage.identity.namespace);
            self.kubectl
                .run(&["delete", "lease", "etcd-backup-operator", &namespace])?;
        }
        role.without_right(right.resource, right.verb).await?;
        let outcome: Result<Operator> = async {
            self.until_allowed(right, false).await?;
            // Where restores are carried out nothing is removed from a store before it is known what they read.
            let restores = right.resource != "etcdrestores";
            let mut operator = self.launch(restores, right.resource != "pods")?;
            self.deed(index, right, When::Missing).await?;
            self.told(index, right, &operator).await?;
            self.rest_goes_on(index, right).await?;
            operator.process().check()?;
            Ok(operator)
        }
        .await;
        role.restore().await?;
        let mut operator = outcome?;
        let often = lines(operator.log(), &[&right.words()]);
        ensure!(often < OFTEN, "it was said {often} times");
        operator.ready().await?;
        self.recovers(index, right).await?;
        if right.resource == "etcdrestores" || right.resource == "pods" {
            self.end(&mut operator).await?;
            operator = self.operator(true).await?;
        }
        Ok(operator)
    }

    /// Ends an operator, of which nothing is left for the judge.
    pub(super) async fn end(&self, operator: &mut Operator) -> Result<()> {
        ensure!(operator.stop().await?.success());
        self.case.no_secret_in(operator.folder())
    }
}
