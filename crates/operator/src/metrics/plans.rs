//! The series that belong to one plan. They appear together, with every value present, and go together.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::state::{DrillState, PlanState, outcome, outcomes};
use super::table::{DRILL_GAUGES, DRILLS, PLAN_GAUGES, RETENTION_DELETED, RUNS};

/// The series of one plan.
#[derive(Debug, Default)]
pub struct PlanSeries(Mutex<PlanState>);

impl PlanSeries {
    fn fresh() -> Self {
        let series = Self::default();
        series.update(|state| {
            state.runs = outcomes();
            // Nothing is known to be wrong as long as nobody has looked.
            (state.fresh, state.accepted) = (1.0, 1.0);
        });
        series
    }

    fn update(&self, change: impl FnOnce(&mut PlanState)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn read(&self) -> PlanState {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The newest good snapshot, as the store's catalogue has it: when it was taken, its size in bytes as etcd
    /// gave it, its revision. `None` when there is none.
    pub fn set_last_success(&self, newest: Option<(DateTime<Utc>, u64, i64)>) {
        self.update(|state| {
            let (time, size, revision) = newest.map_or((0.0, 0.0, 0.0), |(at, size, revision)| {
                (unix(at), float(size), float(revision))
            });
            (state.last_success, state.last_size, state.last_revision) = (time, size, revision);
        });
    }

    /// When the next run is due, `None` while the plan is suspended or has no schedule; and how long after the last success the
    /// next one is to be expected, `None` without a schedule.
    pub fn set_schedule(&self, next: Option<DateTime<Utc>>, interval: Option<Duration>) {
        self.update(|state| {
            state.next_run = next.map_or(0.0, unix);
            state.expected_interval = interval.map_or(0.0, |interval| interval.as_secs_f64());
        });
    }

    /// Whether the conditions Fresh and Accepted give no cause for alarm: neither of them is False.
    pub fn set_conditions(&self, fresh: bool, accepted: bool) {
        self.update(|state| (state.fresh, state.accepted) = (flag(fresh), flag(accepted)));
    }

    /// What the store holds for the plan.
    pub fn set_inventory(&self, snapshots: usize, bytes: u64) {
        self.update(|state| (state.snapshots, state.stored) = (float(snapshots), float(bytes)));
    }

    /// One run ended. `failure` is the reason, `None` for a success.
    pub fn run_ended(&self, at: DateTime<Utc>, took: Duration, failure: Option<&str>) {
        let outcome = outcome(failure);
        self.update(|state| {
            (state.last_run, state.last_run_duration) = (unix(at), took.as_secs_f64());
            state.last_run_success = flag(failure.is_none());
            *state.runs.entry(outcome).or_insert(0) += 1;
        });
    }

    /// The last run that is over, as its EtcdSnapshot has it: when it ended, how long it took if that is known, and whether it
    /// ended well. Changes nothing when this process saw that run or a later one end.
    pub fn recall_run(&self, at: DateTime<Utc>, took: Option<Duration>, well: bool) {
        self.update(|state| {
            if unix(at) > state.last_run {
                (state.last_run, state.last_run_success) = (unix(at), flag(well));
                state.last_run_duration = took.map_or(0.0, |took| took.as_secs_f64());
            }
        });
    }

    /// The plan's drills: whether they give no cause for alarm, when the newest snapshot that one restored was taken, when the
    /// last one ended, and how long after it the next is to be expected. The plan has these series from then on.
    pub fn set_drills(
        &self,
        well: bool,
        restorable: Option<DateTime<Utc>>,
        last: Option<DateTime<Utc>>,
        interval: Option<Duration>,
    ) {
        self.update(|state| {
            let drills = state.drills.get_or_insert_with(DrillState::fresh);
            drills.restorable = flag(well);
            drills.last_restorable = restorable.map_or(0.0, unix);
            drills.last = last.map_or(0.0, unix);
            drills.expected_interval = interval.map_or(0.0, |interval| interval.as_secs_f64());
        });
    }

    /// The plan has no drills, or no more.
    pub fn forget_drills(&self) {
        self.update(|state| state.drills = None);
    }

    /// A drill ended. `failure` is the reason, `None` for a success.
    pub fn drill_ended(&self, failure: Option<&str>) {
        let outcome = outcome(failure);
        self.update(|state| {
            let drills = state.drills.get_or_insert_with(DrillState::fresh);
            *drills.ended.entry(outcome).or_insert(0) += 1;
        });
    }

    /// Retention ran: how many snapshots it kept, deleted, and was refused to delete.
    pub fn retention_ran(&self, kept: usize, deleted: usize, refused: usize) {
        self.recall_retention(kept, refused);
        self.update(|state| state.retention_deleted += deleted as u64);
    }

    /// The last retention, as the plan's status has it: how many snapshots it kept, and was refused to delete.
    pub fn recall_retention(&self, kept: usize, refused: usize) {
        self.update(|state| {
            (state.retention_kept, state.retention_refused) = (float(kept), float(refused));
        });
    }
}

fn flag(value: bool) -> f64 {
    f64::from(u8::from(value))
}

fn unix(time: DateTime<Utc>) -> f64 {
    float(time.timestamp_millis()) / 1000.0
}

/// A gauge is a float by definition of the format.
#[expect(
    clippy::cast_precision_loss,
    reason = "exact to 2^53: 8 PiB, or the milliseconds of 285,000 years"
)]
fn float(value: impl TryInto<i64>) -> f64 {
    value.try_into().unwrap_or(i64::MAX) as f64
}

/// The labels of a plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
struct PlanLabels {
    namespace: String,
    plan: String,
}

/// The series of all plans.
#[derive(Debug, Default)]
pub(super) struct Plans(Mutex<BTreeMap<PlanLabels, Arc<PlanSeries>>>);

impl Plans {
    pub(super) fn track(&self, namespace: &str, plan: &str) -> Arc<PlanSeries> {
        let labels = PlanLabels {
            namespace: namespace.to_owned(),
            plan: plan.to_owned(),
        };
        let mut plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(
            plans
                .entry(labels)
                .or_insert_with(|| Arc::new(PlanSeries::fresh())),
        )
    }

    pub(super) fn get(&self, namespace: &str, plan: &str) -> Option<Arc<PlanSeries>> {
        let labels = PlanLabels {
            namespace: namespace.to_owned(),
            plan: plan.to_owned(),
        };
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&labels)
            .map(Arc::clone)
    }

    pub(super) fn forget(&self, namespace: &str, plan: &str) {
        let labels = PlanLabels {
            namespace: namespace.to_owned(),
            plan: plan.to_owned(),
        };
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&labels);
    }
}

impl Collector for Plans {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let plans: Vec<(PlanLabels, PlanState)> = {
            let plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            plans
                .iter()
                .map(|(labels, series)| (labels.clone(), series.read()))
                .collect()
        };
        for gauge in PLAN_GAUGES {
            let unit = gauge.unit();
            let mut family =
                encoder.encode_descriptor(gauge.name, gauge.help, unit.as_ref(), MetricType::Gauge)?;
            for (labels, state) in &plans {
                family
                    .encode_family(labels)?
                    .encode_gauge(&(gauge.value)(state))?;
            }
        }
        let mut deleted = encoder.encode_descriptor(
            RETENTION_DELETED.0,
            RETENTION_DELETED.1,
            None,
            MetricType::Counter,
        )?;
        for (labels, state) in &plans {
            deleted
                .encode_family(labels)?
                .encode_counter::<NoLabelSet, _, f64>(&state.retention_deleted, None)?;
        }
        for gauge in DRILL_GAUGES {
            let unit = gauge.unit();
            let mut family =
                encoder.encode_descriptor(gauge.name, gauge.help, unit.as_ref(), MetricType::Gauge)?;
            for (labels, state) in &plans {
                if let Some(drills) = &state.drills {
                    family
                        .encode_family(labels)?
                        .encode_gauge(&(gauge.value)(drills))?;
                }
            }
        }
        let ended = |state: &PlanState| state.runs.clone();
        encode_outcomes(&mut encoder, RUNS, &plans, ended)?;
        let ended = |state: &PlanState| state.drills.clone().unwrap_or_default().ended;
        encode_outcomes(&mut encoder, DRILLS, &plans, ended)
    }
}

/// A counter with the labels `result` and `reason` for each plan.
fn encode_outcomes(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help): (&str, &str),
    plans: &[(PlanLabels, PlanState)],
    outcomes: impl Fn(&PlanState) -> BTreeMap<(&'static str, String), u64>,
) -> Result<(), fmt::Error> {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (PlanLabels { namespace, plan }, state) in plans {
        for ((result, reason), count) in outcomes(state) {
            let labels = [
                ("namespace", namespace.as_str()),
                ("plan", plan),
                ("result", result),
                ("reason", &reason),
            ];
            family
                .encode_family(&labels)?
                .encode_counter::<NoLabelSet, _, f64>(&count, None)?;
        }
    }
    Ok(())
}
