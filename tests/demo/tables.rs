//! The tables that a user of kubectl sees, as they change.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use harness::kubectl::Kubectl;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::screen::{Screen, show};

const COMMAND: &str = "$ kubectl get etcdbackups,etcdsnapshots";

/// Which snapshot is waited for.
#[derive(Clone, Copy)]
pub(crate) enum Wanted {
    /// The one with this name.
    Named(&'static str),
    /// Any that the schedule asked for.
    Scheduled,
}

impl Wanted {
    fn is(self, snapshot: &Value) -> bool {
        match self {
            Self::Named(name) => snapshot["metadata"]["name"] == name,
            Self::Scheduled => snapshot["status"]["scheduledTime"].is_string(),
        }
    }
}

/// Shows the tables whenever a snapshot has moved, until the one that is wanted has succeeded.
pub(crate) async fn until_succeeded(
    screen: &Screen,
    kubectl: &Kubectl,
    wanted: Wanted,
    what: &str,
    deadline: Duration,
) -> Result<Value> {
    let end = Instant::now() + deadline;
    let mut shown = String::new();
    loop {
        let moved = screen.waiting(what, next_move(kubectl, &shown, end)).await;
        let snapshots = match moved {
            Ok(snapshots) => snapshots,
            Err(error) => return Err(error.context(format!("waited for {what}; {}", explain(kubectl)))),
        };
        shown = positions(&snapshots);
        show(COMMAND, &kubectl.run(&["get", "etcdbackups,etcdsnapshots"])?);
        let snapshot = snapshots.iter().find(|snapshot| wanted.is(snapshot));
        match snapshot.and_then(|snapshot| snapshot["status"]["phase"].as_str()) {
            Some("Succeeded") => return snapshot.cloned().context("the snapshot is gone"),
            Some("Failed") => bail!("{}", explain(kubectl)),
            _ => {}
        }
    }
}

/// Waits until a snapshot is somewhere else than shown.
async fn next_move(kubectl: &Kubectl, shown: &str, end: Instant) -> Result<Vec<Value>> {
    loop {
        let snapshots = snapshots(kubectl)?;
        if positions(&snapshots) != shown {
            return Ok(snapshots);
        }
        if Instant::now() >= end {
            bail!("nothing has moved for too long");
        }
        sleep(Duration::from_millis(400)).await;
    }
}

/// Every snapshot of the namespace.
pub(crate) fn snapshots(kubectl: &Kubectl) -> Result<Vec<Value>> {
    let answer = kubectl.run(&["get", "etcdsnapshots", "-o", "json"])?;
    let mut list: Value = serde_json::from_str(&answer).context("read kubectl's answer")?;
    match list["items"].take() {
        Value::Array(items) => Ok(items),
        _ => bail!("kubectl listed no items"),
    }
}

/// Names and phases; ages change all the time and are no news.
fn positions(snapshots: &[Value]) -> String {
    let position = |object: &Value| format!("{}={} ", object["metadata"]["name"], object["status"]["phase"]);
    snapshots.iter().map(position).collect()
}

/// What the plan and its snapshots say of themselves.
fn explain(kubectl: &Kubectl) -> String {
    let path = r#"jsonpath={range .items[*]}{.kind} {.metadata.name}: {range .status.conditions[?(@.status=="False")]}{.type} {.reason}: {.message}; {end}{.status.message}{"\n"}{end}"#;
    kubectl
        .run(&["get", "etcdbackups,etcdsnapshots", "-o", path])
        .unwrap_or_else(|error| format!("{error:#}"))
}
