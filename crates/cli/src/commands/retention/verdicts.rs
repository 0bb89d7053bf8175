//! What a policy says of each backup, as a table and as data.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use etcd_backup_backup::{
    catalogue::{Catalogue, Entry},
    layout::{ClusterId, PlanKey, RunId},
    retention::{Context, KeepReason, RetentionPlan},
};
use serde::Serialize;

use crate::{
    clock,
    output::{Column, Listing},
    size,
};

const COLUMNS: &[Column] = &[
    Column::new("RUN"),
    Column::new("AGE"),
    Column::new("SIZE"),
    Column::new("VERDICT"),
    Column::new("WHY"),
    Column::wide("CLUSTER"),
    Column::wide("REVISION"),
];

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Data {
    store: String,
    plan: String,
    hold: Option<HoldData>,
    backups: Vec<Verdict>,
}

#[derive(Debug, Serialize)]
struct HoldData {
    reason: &'static str,
    message: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Verdict {
    run_id: RunId,
    #[serde(rename = "verdict")]
    outcome: &'static str,
    why: Vec<String>,
}

pub(super) fn listing(
    store: String,
    of: &PlanKey,
    plan: &RetentionPlan,
    catalogue: &Catalogue,
    context: &Context,
) -> Listing<Data> {
    let verdicts = verdicts(plan, catalogue);
    Listing {
        columns: COLUMNS,
        rows: rows(catalogue, &verdicts, context.generation, context.now),
        data: Data {
            store,
            plan: of.to_string(),
            hold: plan.hold.map(|hold| HoldData {
                reason: hold.reason(),
                message: hold.to_string(),
            }),
            backups: verdicts,
        },
    }
}

/// One verdict a backup, newest first.
fn verdicts(plan: &RetentionPlan, catalogue: &Catalogue) -> Vec<Verdict> {
    let one = |run_id, outcome, why| Verdict { run_id, outcome, why };
    let texts = |reasons: &[KeepReason]| reasons.iter().map(ToString::to_string).collect();
    let keep = plan
        .keep
        .iter()
        .map(|kept| one(kept.id, "keep", texts(&kept.reasons)));
    let remove = plan
        .remove
        .iter()
        .map(|gone| one(gone.id, "remove", vec![gone.why.to_string()]));
    let held = plan
        .held
        .iter()
        .map(|gone| one(gone.id, "held", vec![gone.why.to_string()]));
    let ignored = plan
        .ignored
        .iter()
        .map(|other| one(other.id, "ignore", vec![other.why.to_string()]));
    let mut all: Vec<_> = keep.chain(remove).chain(held).chain(ignored).collect();
    // Several may be of one second, which their run ids do not order.
    all.sort_by_key(|verdict| {
        let backups = &catalogue.backups;
        Reverse(
            backups
                .iter()
                .position(|entry| entry.location.run == verdict.run_id),
        )
    });
    all
}

fn rows(
    catalogue: &Catalogue,
    verdicts: &[Verdict],
    generation: ClusterId,
    now: DateTime<Utc>,
) -> Vec<Vec<String>> {
    let entry = |run: RunId| -> Option<&Entry> {
        // A run id is random enough for one plan; a copy of another generation's folder is told apart.
        let mut same = catalogue.backups.iter().filter(|entry| entry.location.run == run);
        same.clone()
            .find(|entry| entry.location.cluster == generation)
            .or_else(|| same.next())
    };
    verdicts
        .iter()
        .filter_map(|verdict| entry(verdict.run_id).map(|entry| (verdict, entry)))
        .map(|(verdict, entry)| {
            vec![
                verdict.run_id.to_string(),
                clock::ago(entry.manifest.times.started, now),
                size::human(entry.manifest.snapshot.size),
                verdict.outcome.to_owned(),
                verdict.why.join(", "),
                entry.location.cluster.to_string(),
                entry.manifest.revision.to_string(),
            ]
        })
        .collect()
}
