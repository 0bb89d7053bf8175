//! What an identity may do: the questions of `kubectl auth can-i`, without a process for each of hundreds.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use kube::api::{Api, PostParams};
use serde_json::json;

use super::Operator;
use crate::wait;

/// Asks the API server what an operator may do.
#[derive(Debug)]
pub struct Access {
    reviews: Api<SelfSubjectAccessReview>,
    /// Every resource that there is: a question about another one is wrong, and its answer would be no.
    resources: BTreeSet<String>,
}

impl Access {
    /// With the identity of an operator.
    pub async fn of(operator: &Operator) -> Result<Self> {
        let kubectl = operator.kubectl()?;
        // What was installed a moment ago is listed a moment later.
        let listed = async || {
            let listed = kubectl.run(&["api-resources", "--cached=false", "--output=name"])?;
            ensure!(
                listed.contains("etcdrestores.etcdbackup.dev"),
                "there is: {listed}"
            );
            Ok(listed.lines().map(str::to_owned).collect())
        };
        Ok(Self {
            resources: wait::until_ok("our resources to be served", Duration::from_secs(30), listed).await?,
            reviews: Api::all(operator.client().await?),
        })
    }

    /// Whether it may do something, in kubectl's words: a verb, a resource with its group, `/` and a name where that matters,
    /// and `--subresource=` with one.
    pub async fn may(&self, words: &str, namespace: &str) -> Result<bool> {
        let words: Vec<&str> = words.split(' ').collect();
        let (verb, resource, subresource) = match *words {
            [verb, resource] => (verb, resource, ""),
            [verb, resource, last] => {
                let subresource = last.strip_prefix("--subresource=");
                (
                    verb,
                    resource,
                    subresource.with_context(|| format!("what is {last}?"))?,
                )
            }
            _ => bail!("not a right: {words:?}"),
        };
        let (resource, name) = resource.split_once('/').unwrap_or((resource, ""));
        ensure!(
            self.resources.contains(resource),
            "there is no resource {resource}"
        );
        let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
        let question: SelfSubjectAccessReview = serde_json::from_value(
            json!({"spec": {"resourceAttributes": {
                "namespace": namespace, "verb": verb, "group": group, "resource": resource, "subresource": subresource,
                "name": name,
            }}}),
        )?;
        let answer = self.reviews.create(&PostParams::default(), &question).await;
        let status = answer
            .context("ask what is allowed")?
            .status
            .context("no answer")?;
        Ok(status.allowed)
    }
}
