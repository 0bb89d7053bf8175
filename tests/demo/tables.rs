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

/// The tables, and what was shown of them last.
pub(crate) struct Tables<'a> {
    screen: &'a Screen,
    kubectl: &'a Kubectl,
    /// The positions that were looked at.
    shown: String,
    /// What kubectl printed then.
    printed: String,
}

impl<'a> Tables<'a> {
    pub(crate) fn new(screen: &'a Screen, kubectl: &'a Kubectl) -> Self {
        Self {
            screen,
            kubectl,
            shown: String::new(),
            printed: String::new(),
        }
    }

    /// Shows the tables whenever a snapshot has moved, until the one that is wanted has succeeded.
    pub(crate) async fn until_succeeded(
        &mut self,
        wanted: Wanted,
        what: &str,
        deadline: Duration,
    ) -> Result<Value> {
        let end = Instant::now() + deadline;
        loop {
            let moved = self.screen.waiting(what, self.next_move(wanted, end)).await;
            let snapshots = moved.with_context(|| format!("waited for {what}; {}", self.explain()))?;
            let positions = positions(&snapshots);
            if positions != self.shown {
                let printed = self.kubectl.run(&["get", "etcdbackups,etcdsnapshots"])?;
                // They are newer than what was looked at, so they may have shown it already.
                if printed != self.printed {
                    show(COMMAND, &printed);
                }
                self.printed = printed;
                self.shown = positions;
            }
            let snapshot = snapshots.iter().find(|snapshot| wanted.is(snapshot));
            match snapshot.map(phase) {
                Some("Succeeded") => return snapshot.cloned().context("the snapshot is gone"),
                Some("Failed") => bail!("{}", self.explain()),
                _ => {}
            }
        }
    }

    /// Waits until a snapshot is somewhere else than shown, or the wanted one is already where it ends.
    async fn next_move(&self, wanted: Wanted, end: Instant) -> Result<Vec<Value>> {
        loop {
            let snapshots = snapshots(self.kubectl)?;
            let over =
                |snapshot: &Value| wanted.is(snapshot) && ["Succeeded", "Failed"].contains(&phase(snapshot));
            if positions(&snapshots) != self.shown || snapshots.iter().any(over) {
                return Ok(snapshots);
            }
            if Instant::now() >= end {
                bail!("nothing has moved for too long");
            }
            sleep(Duration::from_millis(400)).await;
        }
    }

    /// What the plan and its snapshots say of themselves.
    fn explain(&self) -> String {
        let path = r#"jsonpath={range .items[*]}{.kind} {.metadata.name}: {range .status.conditions[?(@.status=="False")]}{.type} {.reason}: {.message}; {end}{.status.message}{"\n"}{end}"#;
        self.kubectl
            .run(&["get", "etcdbackups,etcdsnapshots", "-o", path])
            .unwrap_or_else(|error| format!("{error:#}"))
    }
}

fn phase(snapshot: &Value) -> &str {
    snapshot["status"]["phase"].as_str().unwrap_or_default()
}

/// Every snapshot of the namespace.
fn snapshots(kubectl: &Kubectl) -> Result<Vec<Value>> {
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
