//! Roles, and rights taken from them.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::rbac::v1;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
};
use serde_json::{Value, json};

/// A role of the operator, from which rights are taken for a while.
pub(in crate::operator) struct Role {
    api: Api<DynamicObject>,
    name: String,
    rules: Value,
}

impl Role {
    /// The role of a namespace, or without one of the cluster, as it is now.
    pub(in crate::operator) async fn known(
        client: &Client,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Self> {
        let client = client.clone();
        let api = match namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, &ApiResource::erase::<v1::Role>(&())),
            None => Api::all_with(client, &ApiResource::erase::<v1::ClusterRole>(&())),
        };
        let role = api.get(name).await;
        let role: DynamicObject = role.with_context(|| format!("read the role {name}"))?;
        Ok(Self {
            api,
            name: name.to_owned(),
            rules: role.data["rules"].clone(),
        })
    }

    /// Leaves out every rule about this resource.
    pub(in crate::operator) async fn without(&self, resource: &str) -> Result<()> {
        let rules = self.rules.as_array().context("a role has rules")?;
        let speaks = |rule: &&Value| {
            rule["resources"]
                .as_array()
                .is_some_and(|all| all.contains(&json!(resource)))
        };
        let left: Vec<_> = rules.iter().filter(|rule| !speaks(rule)).collect();
        ensure!(left.len() < rules.len(), "no rule speaks of {resource}");
        self.write(&json!(left)).await
    }

    /// Every right that it gives: the resource and the verb.
    pub(in crate::operator) fn rights(&self) -> BTreeSet<(String, String)> {
        let texts = |list: &Value| -> Vec<String> {
            let all = list.as_array().into_iter().flatten();
            all.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let rules = self.rules.as_array().into_iter().flatten();
        let pairs = |rule: &Value| {
            let verbs = texts(&rule["verbs"]);
            let resources = texts(&rule["resources"]).into_iter();
            let of = move |resource: String| {
                let pair = move |verb: &String| (resource.clone(), verb.clone());
                verbs.iter().map(pair).collect::<Vec<_>>()
            };
            resources.flat_map(of).collect::<Vec<_>>()
        };
        rules.flat_map(pairs).collect()
    }

    /// Leaves out one verb of one resource.
    pub(in crate::operator) async fn without_right(&self, resource: &str, verb: &str) -> Result<()> {
        let mut left = Vec::new();
        for rule in self.rules.as_array().context("a role has rules")? {
            let with = |field: &str, keep: &dyn Fn(&str) -> bool| {
                let mut part = rule.clone();
                let list = rule[field].as_array().into_iter().flatten();
                let kept: Vec<_> = list.filter(|one| one.as_str().is_some_and(keep)).collect();
                part[field] = json!(kept);
                part
            };
            let others = with("resources", &|one| one != resource);
            let mut own = with("resources", &|one| one == resource);
            own["verbs"] = with("verbs", &|one| one != verb)["verbs"].clone();
            let gives = |part: &Value| {
                let some = |field: &str| part[field].as_array().is_some_and(|list| !list.is_empty());
                some("resources") && some("verbs")
            };
            left.extend([others, own].into_iter().filter(gives));
        }
        self.write(&json!(left)).await
    }

    pub(in crate::operator) async fn restore(&self) -> Result<()> {
        self.write(&self.rules).await
    }

    async fn write(&self, rules: &Value) -> Result<()> {
        let change = Patch::Merge(json!({"rules": rules}));
        let written = self.api.patch(&self.name, &PatchParams::default(), &change).await;
        written
            .map(drop)
            .with_context(|| format!("write the role {}", self.name))
    }
}
