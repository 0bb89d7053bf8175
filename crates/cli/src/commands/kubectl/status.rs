//! `etcd-backup kubectl status`

use chrono::{DateTime, Utc};
use clap::Args;
use etcd_backup_api::{
    EtcdBackup, LastRestorable, LastSuccess,
    conditions::{backup::READY, find},
};
use kube::{Api, ResourceExt, api::ListParams};
use serde::Serialize;

use super::reach::{Reach, refused};
use crate::{
    clock,
    exit::Failure,
    output::{Column, Format, Listing, print},
};

/// Show how old each plan's last good backup is, and what is wrong
///
/// The age is that of the newest snapshot that was stored and proved.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Name of an EtcdBackup; all of the namespace if none is named
    #[arg(value_name = "PLAN")]
    plan: Option<String>,

    /// Of all namespaces
    #[arg(short = 'A', long, conflicts_with_all = ["plan", "namespace"])]
    all_namespaces: bool,
}

const COLUMNS: &[Column] = &[
    Column::new("NAMESPACE"),
    Column::new("PLAN"),
    Column::new("LAST GOOD"),
    Column::new("NEXT"),
    Column::new("SNAPSHOTS"),
    Column::new("READY"),
    Column::wide("SNAPSHOT"),
    Column::wide("REVISION"),
    Column::wide("RESTORED"),
    Column::new("MESSAGE"),
];

/// What is said of a plan that has no status.
const UNSEEN: &str = "no operator has looked at it: is one running, and does it watch this namespace?";

/// What programs get of a plan.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    namespace: String,
    plan: String,
    last_success: Option<LastSuccess>,
    last_restorable: Option<LastRestorable>,
    next_run: Option<DateTime<Utc>>,
    snapshots: Option<u32>,
    /// True, False or Unknown.
    ready: String,
    reason: String,
    message: String,
}

pub(super) async fn run(status: &Status, reach: &Reach, format: Option<Format>) -> Result<(), Failure> {
    let cluster = reach.connect().await?;
    let plans = if let Some(name) = &status.plan {
        vec![cluster.plan(name).await?]
    } else {
        let api: Api<EtcdBackup> = if status.all_namespaces {
            Api::all(cluster.client.clone())
        } else {
            cluster.api()
        };
        let listed = api.list(&ListParams::default()).await;
        listed.map_err(|error| refused(&error))?.items
    };
    if plans.is_empty() && format.is_none() {
        let place = if status.all_namespaces {
            String::new()
        } else {
            format!(" in the namespace {}", cluster.namespace)
        };
        return print(&format!("There is no EtcdBackup{place}\n"));
    }
    print(&listing(&plans, status.all_namespaces, clock::now()).show(format)?)
}

fn listing(plans: &[EtcdBackup], of_all: bool, now: DateTime<Utc>) -> Listing<Vec<Answer>> {
    let answers: Vec<Answer> = plans.iter().map(answer).collect();
    let skipped = usize::from(!of_all);
    let columns = COLUMNS.get(skipped..).unwrap_or_default();
    let rows = answers.iter().map(|answer| row(answer, now).split_off(skipped));
    Listing {
        columns,
        rows: rows.collect(),
        data: answers,
    }
}

fn answer(plan: &EtcdBackup) -> Answer {
    let status = plan.status.clone().unwrap_or_default();
    let ready = find(&status.conditions, READY).cloned();
    let (ready, reason, message) = ready.map_or_else(
        || ("Unknown".to_owned(), "NotObserved".to_owned(), UNSEEN.to_owned()),
        |ready| (ready.status, ready.reason, ready.message),
    );
    Answer {
        namespace: plan.namespace().unwrap_or_default(),
        plan: plan.name_any(),
        last_success: status.last_success,
        last_restorable: status.last_restorable,
        next_run: status.next_run,
        snapshots: status.snapshots,
        ready,
        reason,
        message,
    }
}

fn row(answer: &Answer, now: DateTime<Utc>) -> Vec<String> {
    let success = answer.last_success.as_ref();
    let message = if answer.ready == "False" {
        format!("{}: {}", answer.reason, answer.message)
    } else {
        answer.message.clone()
    };
    vec![
        answer.namespace.clone(),
        answer.plan.clone(),
        success.map_or_else(|| "never".to_owned(), |last| clock::ago(last.time, now)),
        // What is due, and a moment late.
        answer
            .next_run
            .map_or_else(String::new, |next| format!("in {}", clock::ago(now, next))),
        answer
            .snapshots
            .map_or_else(String::new, |count| count.to_string()),
        answer.ready.clone(),
        success.map_or_else(String::new, |last| last.snapshot.clone()),
        success.map_or_else(String::new, |last| last.revision.to_string()),
        answer
            .last_restorable
            .as_ref()
            .map_or_else(String::new, |last| last.snapshot.clone()),
        message,
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn plan(status: &Value) -> EtcdBackup {
        serde_json::from_value(json!({
            "apiVersion": "etcdbackup.dev/v1alpha1", "kind": "EtcdBackup",
            "metadata": {"name": "prod", "namespace": "kube-system"},
            "spec": {"etcd": {"endpoints": ["https://10.0.0.1:2379"]}, "storage": {"local": {"path": "/backups"}}},
            "status": status,
        }))
        .unwrap()
    }

    fn shown(status: &Value, of_all: bool) -> String {
        let now = clock::parse("2026-11-23T08:00:00Z").unwrap();
        listing(&[plan(status)], of_all, now).show(None).unwrap()
    }

    fn ready(status: &str, reason: &str, message: &str) -> Value {
        json!([{"type": "Ready", "status": status, "reason": reason, "message": message,
                "lastTransitionTime": "2026-11-23T06:00:05Z"}])
    }

    #[test]
    fn the_first_question_is_answered_in_a_line() {
        let status = json!({
            "lastSuccess": {"snapshot": "prod-1", "time": "2026-11-23T06:00:00Z", "revision": 7, "size": 1},
            "nextRun": "2026-11-23T12:00:00Z", "snapshots": 37,
            "conditions": ready("True", "Succeeded", "last snapshot: prod-1, revision 7"),
        });
        assert_eq!(
            shown(&status, true),
            "NAMESPACE     PLAN   LAST GOOD   NEXT    SNAPSHOTS   READY   MESSAGE\n\
             kube-system   prod   2h          in 4h   37          True    last snapshot: prod-1, revision 7\n"
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_reason() {
        let status =
            json!({"conditions": ready("False", "NoSuchBucket", "the bucket backups does not exist")});
        assert_eq!(
            shown(&status, false),
            "PLAN   LAST GOOD   NEXT   SNAPSHOTS   READY   MESSAGE\n\
             prod   never                          False   NoSuchBucket: the bucket backups does not exist\n"
        );
    }

    #[test]
    fn a_plan_that_nobody_looked_at_is_not_called_fine() {
        let text = shown(&json!({}), false);
        assert!(text.contains("Unknown") && text.contains(UNSEEN), "{text}");
    }
}
