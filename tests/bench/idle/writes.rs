//! What the API server was asked to write, by its own count.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use kube::{Client, api::GetParams};

/// Requests that write, whoever made them, by the labels of `apiserver_request_total`.
#[derive(Debug, Clone, Default)]
pub(super) struct Writes(BTreeMap<String, f64>);

impl Writes {
    /// Since the API server started.
    pub(super) async fn count(admin: &Client) -> Result<Self> {
        let request = kube::core::Request::new("")
            .get("metrics", &GetParams::default())
            .context("name /metrics")?;
        let metrics = admin
            .request_text(request)
            .await
            .context("get the API server's metrics")?;
        let verbs = ["POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION"];
        let verbs = verbs.map(|verb| format!("verb=\"{verb}\""));
        let lines = metrics
            .lines()
            .filter(|line| line.starts_with("apiserver_request_total{"))
            .filter(|line| verbs.iter().any(|verb| line.contains(verb)));
        let counts = lines.filter_map(|line| {
            let (series, count) = line.rsplit_once(' ')?;
            Some((series.to_owned(), count.parse().ok()?))
        });
        Ok(Self(counts.collect()))
    }

    /// Those that came since.
    pub(super) fn since(&self, before: &Self) -> Self {
        let more = self.0.iter().map(|(series, count)| {
            let before = before.0.get(series).copied().unwrap_or_default();
            (series.clone(), count - before)
        });
        Self(more.filter(|(_, count)| *count > 0.0).collect())
    }

    /// Of Leases. A leader renews its own.
    pub(super) fn leases(&self) -> f64 {
        self.sum(true)
    }

    /// Of everything else.
    pub(super) fn others(&self) -> f64 {
        self.sum(false)
    }

    fn sum(&self, leases: bool) -> f64 {
        let counts = self.0.iter();
        let counts = counts.filter(|(series, _)| series.contains("resource=\"leases\"") == leases);
        // The sum of nothing is -0.
        counts.fold(0.0, |sum, (_, count)| sum + count)
    }
}
