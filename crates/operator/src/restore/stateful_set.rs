//! The StatefulSet that runs the members: what it is like, and how many pods it is to have.

use etcd_backup_api::PinnedStatefulSet;
use etcd_backup_api::conditions::reason;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, Patch, PatchParams};
use kube::core::Selector;
use kube::{Client, ResourceExt};
use serde_json::json;

use super::cluster::COMPONENT;
use super::wal_dir;
use crate::connect::Failure;
use crate::explain::{api_error, is_gone};
use crate::jobs::seen::FORBIDDEN;

/// A StatefulSet as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetState {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// How many pods it is to have.
    pub replicas: i32,
    /// How many of them are ready.
    pub ready: i32,
    /// How many of its pods are there, in whatever state.
    pub pods: usize,
    /// The number of its first pod.
    pub first_ordinal: i32,
    /// Kubernetes deletes a pod's claims when it is scaled down.
    pub loses_claims: bool,
    /// What puts the log of its etcd elsewhere than into the data directory.
    pub wal_dir: Option<&'static str>,
    /// The names of its volume claim templates.
    pub templates: Vec<String>,
    /// The user as whom its pods run.
    pub run_as_user: Option<i64>,
    /// The group of its volumes.
    pub fs_group: Option<i64>,
}

impl SetState {
    /// What a restore remembers of it, with the template that holds the data: the one named, or the only one.
    ///
    /// # Errors
    /// It cannot be restored as it is, or there is no such template, or it is not clear which.
    pub fn pin(&self, template: Option<&String>) -> Result<PinnedStatefulSet, Failure> {
        if self.loses_claims {
            return Err(self.would_lose_claims());
        }
        if let Some(named) = self.wal_dir {
            return Err(self.has_its_log_elsewhere(named));
        }
        let template = self.template(template).map_err(|message| {
            let message = format!("the StatefulSet {}: {message}", self.name);
            Failure::lasting(reason::INVALID_SPEC, message)
        })?;
        Ok(PinnedStatefulSet {
            uid: self.uid.clone(),
            replicas: self.replicas,
            first_ordinal: Some(self.first_ordinal).filter(|first| *first != 0),
            run_as_user: self.run_as_user,
            fs_group: self.fs_group,
            volume_claim_template: Some(template.clone()),
        })
    }

    fn template<'a>(&'a self, template: Option<&'a String>) -> Result<&'a String, String> {
        let listed = self.templates.join(", ");
        match (template, &*self.templates) {
            (Some(named), all) if all.contains(named) => Ok(named),
            (Some(named), _) => Err(format!(
                "it has no volume claim template {named}; there is: {listed}"
            )),
            (None, [only]) => Ok(only),
            (None, []) => Err("it has no volume claim templates: name the targets".to_owned()),
            (None, _) => Err(format!("set volumeClaimTemplate to one of {listed}")),
        }
    }

    /// Why it must not be scaled down, and what to do.
    pub fn would_lose_claims(&self) -> Failure {
        let Self { namespace, name, .. } = self;
        Failure::lasting(
            "ClaimsWouldBeDeleted",
            format!(
                "scaling the StatefulSet {name} to 0 would delete its claims with all data \
                 (persistentVolumeClaimRetentionPolicy.whenScaled is Delete). Change that, then create another restore: kubectl \
                 patch statefulset {name} --namespace {namespace} --type=merge --patch \
                 '{{\"spec\":{{\"persistentVolumeClaimRetentionPolicy\":{{\"whenScaled\":\"Retain\"}}}}}}'"
            ),
        )
    }

    fn has_its_log_elsewhere(&self, named: &str) -> Failure {
        let name = &self.name;
        Failure::lasting(
            "LogElsewhere",
            format!(
                "the etcd of the StatefulSet {name} keeps its log outside of the data directory ({named}), where a restore would \
                 leave the old one. Scale it to 0, take {named} away, and create another restore, which puts the new log into the \
                 data directory; or restore by hand with etcd-backup restore --wal-dir"
            ),
        )
    }
}

/// Looks at a StatefulSet and its pods.
pub(super) async fn look(client: &Client, namespace: &str, name: &str) -> Result<SetState, Failure> {
    let sets: Api<StatefulSet> = Api::namespaced(client.clone(), namespace);
    let set = sets.get(name).await.map_err(|error| failed(name, &error))?;
    let selector = set.spec.as_ref().map(|spec| spec.selector.clone());
    let selector = selector.and_then(|selector| Selector::try_from(selector).ok());
    let own = ListParams::default().labels_from(&selector.unwrap_or_default());
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let pods = pods.list(&own).await.map_err(|error| failed(name, &error))?;
    let uid = set.uid().unwrap_or_default();
    let owned = |pod: &&Pod| pod.owner_references().iter().any(|owner| owner.uid == uid);
    Ok(state(&set, pods.items.iter().filter(owned).count()))
}

fn state(set: &StatefulSet, pods: usize) -> SetState {
    let spec = set.spec.as_ref();
    let pod = spec.and_then(|spec| spec.template.spec.as_ref());
    let of_pod = pod.and_then(|pod| pod.security_context.as_ref());
    let of_container = pod.and_then(|pod| pod.containers.first()?.security_context.as_ref());
    let status = set.status.as_ref();
    // What the status says of an older specification is not about this one.
    let current = status.filter(|status| status.observed_generation >= set.metadata.generation);
    let claims = spec.and_then(|spec| spec.volume_claim_templates.as_ref());
    let policy = spec.and_then(|spec| spec.persistent_volume_claim_retention_policy.as_ref());
    let first_ordinal = spec.and_then(|spec| spec.ordinals.as_ref()?.start);
    SetState {
        namespace: set.namespace().unwrap_or_default(),
        name: set.name_any(),
        uid: set.uid().unwrap_or_default(),
        // Kubernetes' own default.
        replicas: spec.and_then(|spec| spec.replicas).unwrap_or(1),
        ready: current.and_then(|status| status.ready_replicas).unwrap_or(0),
        pods,
        first_ordinal: first_ordinal.unwrap_or(0),
        loses_claims: policy.is_some_and(|policy| policy.when_scaled.as_deref() == Some("Delete")),
        wal_dir: pod.and_then(wal_dir::named_by),
        templates: claims.into_iter().flatten().map(ResourceExt::name_any).collect(),
        run_as_user: of_container
            .and_then(|context| context.run_as_user)
            .or(of_pod.and_then(|context| context.run_as_user)),
        fs_group: of_pod.and_then(|context| context.fs_group),
    }
}

fn failed(name: &str, error: &kube::Error) -> Failure {
    if is_gone(error) {
        return Failure::transient("StatefulSetNotFound", format!("there is no StatefulSet {name}"));
    }
    match error {
        kube::Error::Api(status) if status.is_forbidden() => Failure::transient(
            FORBIDDEN,
            format!("{}; {COMPONENT} has these rights", api_error(error)),
        ),
        error => Failure::transient("ApiServerUnavailable", api_error(error)),
    }
}

/// Sets how many pods it is to have. Another StatefulSet of the same name is left alone.
pub(super) async fn scale(
    client: &Client,
    namespace: &str,
    name: &str,
    uid: &str,
    replicas: i32,
) -> Result<(), kube::Error> {
    let sets: Api<StatefulSet> = Api::namespaced(client.clone(), namespace);
    let patch = Patch::Merge(json!({"metadata": {"uid": uid}, "spec": {"replicas": replicas}}));
    sets.patch_scale(name, &PatchParams::default(), &patch)
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn set(changes: &Value) -> StatefulSet {
        let mut object = json!({
            "metadata": {"name": "etcd", "namespace": "ns", "uid": "u", "generation": 3},
            "spec": {
                "replicas": 3, "selector": {}, "serviceName": "etcd", "ordinals": null,
                "persistentVolumeClaimRetentionPolicy": null,
                "template": {"spec": {
                    "securityContext": {"runAsUser": 1001, "fsGroup": 1002},
                    "containers": [{"name": "etcd"}],
                }},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
            },
            "status": {"observedGeneration": 3, "readyReplicas": 2, "replicas": 3},
        });
        for (pointer, value) in changes.as_object().unwrap() {
            *object.pointer_mut(pointer).unwrap() = value.clone();
        }
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn who_runs_etcd_and_where_its_data_is_are_read_from_the_template() {
        let state = state(&set(&json!({})), 4);
        assert_eq!((state.replicas, state.ready, state.pods), (3, 2, 4));
        let pinned = state.pin(None).unwrap();
        assert_eq!((pinned.run_as_user, pinned.fs_group), (Some(1001), Some(1002)));
        assert_eq!(pinned.volume_claim_template.as_deref(), Some("data"));
    }

    #[test]
    fn a_containers_user_is_more_than_its_pods() {
        let own = json!({"/spec/template/spec/containers": [{"name": "etcd", "securityContext": {"runAsUser": 7}}]});
        assert_eq!(state(&set(&own), 0).run_as_user, Some(7));
    }

    #[test]
    fn a_status_that_lags_behind_says_nothing_of_readiness() {
        assert_eq!(state(&set(&json!({"/status/observedGeneration": 2})), 0).ready, 0);
    }

    #[test]
    fn of_several_templates_one_must_be_named_and_be_there() {
        let two = json!({"/spec/volumeClaimTemplates": [{"metadata": {"name": "data"}}, {"metadata": {"name": "wal"}}]});
        let state = state(&set(&two), 0);
        let unclear = state.pin(None).unwrap_err();
        assert!(
            unclear.reason == "InvalidSpec" && unclear.message.contains("data, wal"),
            "{unclear}"
        );
        assert!(state.pin(Some(&"logs".to_owned())).is_err());
        assert!(state.pin(Some(&"wal".to_owned())).is_ok());
    }
    #[test]
    fn one_whose_claims_go_when_it_is_scaled_down_is_refused_with_the_command_that_helps() {
        let policy = |scaled: &str| {
            let policy = json!({"whenDeleted": "Delete", "whenScaled": scaled});
            state(
                &set(&json!({"/spec/persistentVolumeClaimRetentionPolicy": policy})),
                3,
            )
        };
        let failure = policy("Delete").pin(None).unwrap_err();
        assert_eq!(
            (failure.reason.as_str(), failure.transient),
            ("ClaimsWouldBeDeleted", false)
        );
        let command = "kubectl patch statefulset etcd --namespace ns --type=merge --patch \
                       '{\"spec\":{\"persistentVolumeClaimRetentionPolicy\":{\"whenScaled\":\"Retain\"}}}'";
        assert!(failure.message.ends_with(command), "{failure}");
        assert!(policy("Retain").pin(None).is_ok());
    }

    #[test]
    fn one_whose_etcd_has_its_log_elsewhere_is_refused() {
        let containers = json!([{"name": "etcd", "command": ["etcd", "--wal-dir=/wal"]}]);
        let failure = state(&set(&json!({"/spec/template/spec/containers": containers})), 3)
            .pin(None)
            .unwrap_err();
        assert_eq!(
            (failure.reason.as_str(), failure.transient),
            ("LogElsewhere", false)
        );
        assert!(failure.message.contains("take --wal-dir away"), "{failure}");
    }

    #[test]
    fn the_number_of_the_first_pod_is_remembered() {
        let started = state(&set(&json!({"/spec/ordinals": {"start": 5}})), 0);
        assert_eq!(started.pin(None).unwrap().first_ordinal, Some(5));
        assert_eq!(state(&set(&json!({})), 0).pin(None).unwrap().first_ordinal, None);
    }
}
