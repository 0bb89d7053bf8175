//! What config/ installs, on a real API server.

use anyhow::{Context, Result};
use harness::{
    apiserver::{Access, ApiServer},
    binaries,
    etcd::{Etcd, Version},
};

async fn server() -> Result<(Etcd, ApiServer)> {
    let etcd = Etcd::start(Version::V3_6).await?;
    let server = ApiServer::start(&etcd).await?;
    Ok((etcd, server))
}

fn folder(name: &str) -> String {
    binaries::root().join(name).to_string_lossy().into_owned()
}

#[tokio::test]
async fn what_was_applied_differs_in_nothing_when_it_is_applied_again() -> Result<()> {
    let (_etcd, server) = server().await?;
    server.install()?;
    let kubectl = server.kubectl()?;
    kubectl.run(&["apply", "--validate=strict", "-k", &folder("config/samples")])?;
    // `kubectl diff` fails when there is a difference, for instance a default that the schema writes in another way.
    for name in ["config/default", "config/samples"] {
        kubectl
            .run(&["diff", "-k", &folder(name)])
            .with_context(|| format!("{name} differs"))?;
    }
    Ok(())
}

#[tokio::test]
async fn the_operator_may_do_what_it_needs_in_every_namespace_and_nothing_more() -> Result<()> {
    let (_etcd, server) = server().await?;
    let operator = server.install()?;
    let access = Access::of(&operator).await?;
    for words in NEEDED {
        assert!(
            access.may(words, "default").await?,
            "the operator must be able to {words}"
        );
    }
    for words in OWN_NAMESPACE {
        assert!(
            access.may(words, &operator.namespace).await?,
            "the operator must be able to {words}"
        );
        assert!(
            !access.may(words, "default").await?,
            "only in its own namespace: {words}"
        );
    }
    for words in DENIED {
        assert!(
            !access.may(words, "default").await?,
            "the operator must not be able to {words}"
        );
    }
    let identity = operator
        .kubectl()?
        .run(&["get", "namespace", "kube-system", "-o", "name"])?;
    assert_eq!(identity.trim(), "namespace/kube-system");
    assert!(
        operator.kubectl()?.run(&["get", "namespace", "default"]).is_err(),
        "no other namespace is its business"
    );
    Ok(())
}

#[tokio::test]
async fn an_operator_of_one_namespace_can_do_nothing_in_another() -> Result<()> {
    let (_etcd, server) = server().await?;
    let operator = server.install_overlay("config/single-namespace")?;
    let access = Access::of(&operator).await?;
    for words in NEEDED.iter().chain(OWN_NAMESPACE) {
        assert!(
            access.may(words, &operator.namespace).await?,
            "the operator must be able to {words}"
        );
        assert!(
            !access.may(words, "default").await?,
            "only in its own namespace: {words}"
        );
    }
    let identity = operator
        .kubectl()?
        .run(&["get", "namespace", "kube-system", "-o", "name"])?;
    assert_eq!(identity.trim(), "namespace/kube-system");
    Ok(())
}

#[tokio::test]
async fn whoever_edits_a_namespace_may_plan_backups_and_whoever_views_it_may_look() -> Result<()> {
    let (_etcd, server) = server().await?;
    server.install()?;
    // No controller aggregates roles here, so the labels are what can be checked.
    let roles = server.kubectl()?.run(&[
        "get",
        "clusterrole",
        "-l",
        "app.kubernetes.io/name=etcd-backup-operator",
        "-o",
        r#"jsonpath={range .items[*]}{.metadata.name} {.metadata.labels}{"\n"}{end}"#,
    ])?;
    for kind in ["etcdbackup", "etcdsnapshot", "etcdrestore"] {
        for role in ["view", "edit", "admin"] {
            let label = format!(r#""rbac.authorization.k8s.io/aggregate-to-{role}":"true""#);
            let name = format!("{kind}-{role} ");
            assert!(
                roles
                    .lines()
                    .any(|line| line.starts_with(&name) && line.contains(&label)),
                "{kind} is not part of {role}: {roles}"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn only_with_the_component_for_restores_may_the_operator_make_jobs() -> Result<()> {
    let (_etcd, server) = server().await?;
    let without = Access::of(&server.install()?).await?;
    for words in RESTORING {
        assert!(!without.may(words, "default").await?, "without: {words}");
    }
    let operator = server.install_overlay("tests/integration/operator/restores/installed")?;
    let access = Access::of(&operator).await?;
    for words in RESTORING {
        assert!(access.may(words, "default").await?, "with: {words}");
    }
    let granted = ["create jobs.batch", "list pods", "get pods"];
    for words in DENIED.iter().filter(|words| !granted.contains(words)) {
        assert!(!access.may(words, "default").await?, "not for that: {words}");
    }
    let arguments = "jsonpath={.spec.template.spec.containers[0].args}";
    let deployment = [
        "get",
        "deployment",
        "etcd-backup-operator",
        "--namespace",
        &operator.namespace,
    ];
    let arguments = server
        .kubectl()?
        .run(&[&deployment[..], &["-o", arguments]].concat())?;
    assert!(arguments.contains("--enable-restore"), "{arguments}");
    Ok(())
}

#[tokio::test]
async fn the_component_for_jobs_lets_them_take_snapshots_and_touches_no_stateful_set() -> Result<()> {
    let (_etcd, server) = server().await?;
    let operator = server.install_overlay("tests/integration/operator/jobs/installed")?;
    let access = Access::of(&operator).await?;
    let (jobs, others): (Vec<&str>, Vec<&str>) = RESTORING
        .iter()
        .copied()
        .partition(|words| words.contains("jobs") || words.contains("pods"));
    for words in jobs.iter().chain(&["list events"]) {
        assert!(access.may(words, "default").await?, "with: {words}");
    }
    let denied = DENIED.iter().copied().filter(|words| !jobs.contains(words));
    for words in denied.chain(others) {
        assert!(!access.may(words, "default").await?, "not for that: {words}");
    }
    Ok(())
}

const RESTORING: &[&str] = &[
    "get statefulsets.apps",
    "patch statefulsets.apps --subresource=scale",
    "create jobs.batch",
    "list jobs.batch",
    "delete jobs.batch",
    "list pods",
    "get pods",
    "get pods --subresource=log",
];

const NEEDED: &[&str] = &[
    "get etcdbackups.etcdbackup.dev",
    "list etcdrestores.etcdbackup.dev",
    "watch etcdrestores.etcdbackup.dev",
    "patch etcdrestores.etcdbackup.dev",
    "patch etcdrestores.etcdbackup.dev --subresource=status",
    "update etcdrestores.etcdbackup.dev --subresource=finalizers",
    "list etcdbackups.etcdbackup.dev",
    "watch etcdbackups.etcdbackup.dev",
    "patch etcdbackups.etcdbackup.dev",
    "patch etcdbackups.etcdbackup.dev --subresource=status",
    "update etcdbackups.etcdbackup.dev --subresource=finalizers",
    "get etcdsnapshots.etcdbackup.dev",
    "list etcdsnapshots.etcdbackup.dev",
    "watch etcdsnapshots.etcdbackup.dev",
    "create etcdsnapshots.etcdbackup.dev",
    "patch etcdsnapshots.etcdbackup.dev",
    "delete etcdsnapshots.etcdbackup.dev",
    "patch etcdsnapshots.etcdbackup.dev --subresource=status",
    "get secrets",
    "create events.events.k8s.io",
    "patch events.events.k8s.io",
];

const OWN_NAMESPACE: &[&str] = &[
    "create leases.coordination.k8s.io",
    "get leases.coordination.k8s.io/etcd-backup-operator",
    "update leases.coordination.k8s.io/etcd-backup-operator",
];

const DENIED: &[&str] = &[
    "list secrets",
    "watch secrets",
    "create secrets",
    "update secrets",
    "delete secrets",
    "create etcdbackups.etcdbackup.dev",
    "create etcdrestores.etcdbackup.dev",
    "update etcdrestores.etcdbackup.dev",
    "delete etcdrestores.etcdbackup.dev",
    "watch jobs.batch",
    "patch statefulsets.apps",
    "list statefulsets.apps",
    "patch jobs.batch",
    "delete pods",
    "delete etcdbackups.etcdbackup.dev",
    "deletecollection etcdsnapshots.etcdbackup.dev",
    "get pods",
    "create pods",
    "create pods --subresource=exec",
    "create jobs.batch",
    "get configmaps",
    "create serviceaccounts --subresource=token",
    "create rolebindings.rbac.authorization.k8s.io",
    "update leases.coordination.k8s.io/another",
];
