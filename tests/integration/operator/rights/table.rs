//! The rights, and how each is missed.

use serde_json::{Value, json};

/// A right, and what happens without it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Right {
    /// Who gives it.
    pub(super) role: &'static str,
    pub(super) resource: &'static str,
    pub(super) verb: &'static str,
    /// It is missing from the start: what runs has used it already.
    pub(super) starting: bool,
    /// What is asked of the operator meanwhile.
    pub(super) deed: Deed,
    pub(super) told: Told,
    /// Nothing can be backed up without it.
    pub(super) stops_backups: bool,
}

impl Right {
    /// What the API server says of it, and everybody who repeats that.
    pub(super) fn words(&self) -> String {
        format!("cannot {} resource \"{}\"", self.verb, self.resource)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Nothing,
    /// A plan.
    Plan,
    /// A plan with a finalizer.
    PlanThatDeletes,
    /// A snapshot by its object.
    Snapshot,
    /// A snapshot by annotating the plan.
    RunNow,
    /// A second snapshot where one is kept.
    Prune,
    /// A restore into claims.
    Restore,
    /// A restore of a StatefulSet.
    RestoreSet,
    /// The end of a restore that has begun.
    DeletedRestore,
}

/// Where it is said.
#[derive(Debug, Clone, Copy)]
pub(super) enum Told {
    Log,
    /// In a condition of the plan of the deed, by this reason and with these words.
    Plan(&'static str, &'static str),
    /// In the status of the restore of the deed.
    Restore,
}

/// What kubectl wants behind a resource's name, so that it is no other one of that name.
pub(super) fn group(resource: &str) -> &'static str {
    match resource {
        "etcdbackups" | "etcdsnapshots" | "etcdrestores" => ".etcdbackup.dev",
        "events" => ".events.k8s.io",
        "leases" => ".coordination.k8s.io",
        "jobs" => ".batch",
        "statefulsets" => ".apps",
        _ => "",
    }
}

const OPERATOR: &str = "etcd-backup-operator";
const LEADER: &str = "etcd-backup-operator-leader-election";
const IDENTITY: &str = "etcd-backup-operator-cluster-identity";
const RESTORE: &str = "etcd-backup-operator-restore";

/// One that is needed at the start, is told in the log, and without which nothing is backed up.
const fn starting(role: &'static str, resource: &'static str, verb: &'static str) -> Right {
    Right {
        role,
        resource,
        verb,
        starting: true,
        deed: Deed::Nothing,
        told: Told::Log,
        stops_backups: true,
    }
}

/// One that is needed for a deed, is told in the log, and without which other things are backed up.
const fn needed(role: &'static str, resource: &'static str, verb: &'static str, deed: Deed) -> Right {
    Right {
        starting: false,
        deed,
        stops_backups: false,
        ..starting(role, resource, verb)
    }
}

/// One that is needed for a restore, and told there.
const fn restoring(role: &'static str, resource: &'static str, verb: &'static str, deed: Deed) -> Right {
    Right {
        told: Told::Restore,
        ..needed(role, resource, verb, deed)
    }
}

const fn stopping(right: Right) -> Right {
    Right {
        stops_backups: true,
        ..right
    }
}

const fn going_on(right: Right) -> Right {
    Right {
        stops_backups: false,
        ..right
    }
}

pub(super) const RIGHTS: &[Right] = &[
    // The image of its own pod, for those of restores. Before there are restores, each of which asks for it.
    Right {
        deed: Deed::Restore,
        ..going_on(starting(RESTORE, "pods", "get"))
    },
    Right {
        deed: Deed::Plan,
        told: Told::Plan("ClusterUnknown", "does not allow get"),
        ..starting(IDENTITY, "namespaces", "get")
    },
    starting(LEADER, "leases", "get"),
    starting(LEADER, "leases", "update"),
    starting(LEADER, "leases", "create"),
    starting(OPERATOR, "etcdbackups", "list"),
    starting(OPERATOR, "etcdbackups", "watch"),
    starting(OPERATOR, "etcdsnapshots", "list"),
    starting(OPERATOR, "etcdsnapshots", "watch"),
    going_on(starting(OPERATOR, "etcdrestores", "list")),
    going_on(starting(OPERATOR, "etcdrestores", "watch")),
    stopping(needed(OPERATOR, "etcdbackups", "get", Deed::Snapshot)),
    needed(OPERATOR, "etcdbackups", "patch", Deed::PlanThatDeletes),
    needed(OPERATOR, "etcdbackups/status", "patch", Deed::Plan),
    needed(OPERATOR, "etcdsnapshots", "create", Deed::RunNow),
    stopping(needed(OPERATOR, "etcdsnapshots", "patch", Deed::Snapshot)),
    needed(OPERATOR, "etcdsnapshots", "delete", Deed::Prune),
    needed(OPERATOR, "etcdsnapshots", "get", Deed::Prune),
    stopping(needed(OPERATOR, "etcdsnapshots/status", "patch", Deed::Snapshot)),
    Right {
        told: Told::Plan("SecretNotFound", "the operator may not read it"),
        ..stopping(needed(OPERATOR, "secrets", "get", Deed::Plan))
    },
    needed(OPERATOR, "events", "create", Deed::Snapshot),
    needed(OPERATOR, "etcdrestores/status", "patch", Deed::Restore),
    restoring(OPERATOR, "etcdrestores", "patch", Deed::Restore),
    restoring(RESTORE, "jobs", "list", Deed::Restore),
    restoring(RESTORE, "jobs", "create", Deed::Restore),
    restoring(RESTORE, "jobs", "delete", Deed::DeletedRestore),
    restoring(RESTORE, "pods", "list", Deed::Restore),
    restoring(RESTORE, "statefulsets", "get", Deed::RestoreSet),
    restoring(RESTORE, "statefulsets/scale", "patch", Deed::RestoreSet),
];

/// Rights that no case misses, and why.
pub(super) const EXEMPT: &[(&str, &str, &str, &str)] = &[
    (
        OPERATOR,
        "etcdbackups/finalizers",
        "update",
        "asked only by the admission plugin OwnerReferencesPermissionEnforcement",
    ),
    (
        OPERATOR,
        "etcdrestores/finalizers",
        "update",
        "asked only by the same plugin",
    ),
    (
        RESTORE,
        "events",
        "list",
        "asked only to say why a Job gets no pod; without it the operator says that it waits",
    ),
    (
        RESTORE,
        "pods/log",
        "get",
        "asked only to show progress; what is said without it, and how often, is a case of Jobs that take snapshots",
    ),
    (
        OPERATOR,
        "events",
        "patch",
        "asked only when one look has the same to tell twice",
    ),
];

/// A restore of the snapshot `before` into three claims, or into those of a StatefulSet.
pub(super) fn restore(name: &str, index: usize, set: Option<&str>) -> Value {
    let member = |number: usize| {
        let name = set.map_or(format!("m{number}"), |set| format!("{set}-{number}"));
        let mut member = json!({"name": name, "peerURLs": [format!("http://m{number}:2380")]});
        if set.is_none() {
            let claim = json!({"claimName": format!("data-{index}-{number}")});
            member["target"] = json!({"persistentVolumeClaim": claim});
        }
        member
    };
    let mut restore = json!({
        "apiVersion": "etcdbackup.dev/v1alpha1", "kind": "EtcdRestore", "metadata": {"name": name},
        "spec": {
            "source": {"snapshotName": "before"}, "existingData": "ReplaceAside",
            "members": (0..3).map(member).collect::<Vec<_>>(),
        },
    });
    if let Some(set) = set {
        restore["spec"]["statefulSet"] = json!({"name": set});
    }
    restore
}

/// A StatefulSet of three members. Nobody runs its pods.
pub(super) fn stateful_set(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name},
        "spec": {
            "replicas": 3, "serviceName": name, "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "etcd", "image": "etcd"}]},
            },
            "volumeClaimTemplates": [{
                "metadata": {"name": "data"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
            }],
        },
    })
}
