//! The operator's metrics, in OpenMetrics text. `table.rs` declares them all.

mod labels;
mod plans;
mod state;
mod table;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub use labels::{Flow, Operation, Stage};
pub use plans::PlanSeries;

use labels::{KindName, OperationError, OperationName, RestoreEnd, StageError, StageName};
use plans::Plans;
use state::bounded;
use table::Families;

use crate::lease::Leadership;

/// All metrics of this process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    families: Families,
    plans: Arc<Plans>,
}

impl Metrics {
    /// Everything registered and, where the labels are known beforehand, present with the value 0.
    /// `leader` is asked at each scrape.
    pub fn new(leader: Leadership) -> Self {
        let mut registry = Registry::with_prefix("etcd_backup");
        let version = vec![("version", env!("CARGO_PKG_VERSION"))];
        registry.register("build", "The version of the operator", Info::new(version));
        registry.register_collector(Box::new(Leader(leader)));
        let families = Families::register(&mut registry);
        for stage in Stage::ALL {
            let _ = families.stage_seconds.get_or_create_owned(&StageName {
                stage: stage.as_str(),
            });
        }
        // So that the first one is seen as an increase.
        for stage in Stage::ALL {
            let (stage, reason) = (stage.as_str(), "Internal".to_owned());
            let _ = families
                .stage_errors
                .get_or_create_owned(&StageError { stage, reason });
        }
        for kind in ["EtcdBackup", "EtcdSnapshot", "EtcdRestore"] {
            let kind = kind.to_owned();
            let _ = families.reconcile_panics.get_or_create_owned(&KindName { kind });
        }
        for flow in Flow::ALL {
            let _ = families
                .stage_bytes
                .get_or_create_owned(&StageName { stage: flow.as_str() });
        }
        for operation in Operation::ALL {
            let _ = families.operation_seconds.get_or_create_owned(&OperationName {
                operation: operation.as_str(),
            });
        }
        for (result, reason) in [("Succeeded", ""), ("Failed", "Internal")] {
            let reason = reason.to_owned();
            let _ = families
                .restores
                .get_or_create_owned(&RestoreEnd { result, reason });
        }
        let plans = Arc::new(Plans::default());
        registry.register_collector(Box::new(Arc::clone(&plans)));
        Self {
            registry,
            families,
            plans,
        }
    }

    /// The series of a plan, created at the first call. For the plan's own reconcile only: everything else uses
    /// [`Self::plan`], so that work that outlives a plan does not bring its series back.
    pub fn track_plan(&self, namespace: &str, plan: &str) -> Arc<PlanSeries> {
        self.plans.track(namespace, plan)
    }

    /// The series of a plan, if it still has any.
    pub fn plan(&self, namespace: &str, plan: &str) -> Option<Arc<PlanSeries>> {
        self.plans.get(namespace, plan)
    }

    /// Removes the series of a plan that is gone.
    pub fn forget_plan(&self, namespace: &str, plan: &str) {
        self.plans.forget(namespace, plan);
    }

    /// How many runs are under way, and how many wait.
    pub fn set_runs(&self, active: usize, waiting: usize) {
        self.families
            .runs_active
            .set(i64::try_from(active).unwrap_or(i64::MAX));
        self.families
            .runs_waiting
            .set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }

    /// A stage of a run took this long.
    pub fn stage_took(&self, stage: Stage, took: Duration) {
        self.families
            .stage_seconds
            .get_or_create(&StageName {
                stage: stage.as_str(),
            })
            .observe(took.as_secs_f64());
    }

    /// A stage of a run failed, for this reason.
    pub fn stage_failed(&self, stage: Stage, reason: &str) {
        let labels = StageError {
            stage: stage.as_str(),
            reason: bounded(reason),
        };
        self.families.stage_errors.get_or_create(&labels).inc();
    }

    /// A reconcile of this kind of object ended in a bug.
    pub fn reconcile_panicked(&self, kind: &str) {
        let kind = bounded(kind);
        self.families
            .reconcile_panics
            .get_or_create(&KindName { kind })
            .inc();
    }

    /// So many bytes passed.
    pub fn bytes_passed(&self, flow: Flow, bytes: u64) {
        self.families
            .stage_bytes
            .get_or_create(&StageName { stage: flow.as_str() })
            .inc_by(bytes);
    }

    /// An operation on a store took this long.
    pub fn operation_took(&self, operation: Operation, took: Duration) {
        let labels = OperationName {
            operation: operation.as_str(),
        };
        self.families
            .operation_seconds
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
    }

    /// An operation on a store failed.
    pub fn operation_failed(&self, operation: Operation, reason: &str) {
        let labels = OperationError {
            operation: operation.as_str(),
            reason: bounded(reason),
        };
        self.families.operation_errors.get_or_create(&labels).inc();
    }

    /// A restore ended: well, after so long, or for this reason.
    pub fn restore_ended(&self, how: Result<Duration, &str>) {
        let labels = match how {
            Ok(_) => RestoreEnd {
                result: "Succeeded",
                reason: String::new(),
            },
            Err(reason) => RestoreEnd {
                result: "Failed",
                reason: bounded(reason),
            },
        };
        self.families.restores.get_or_create(&labels).inc();
        if let Ok(took) = how {
            self.families.restore_seconds.observe(took.as_secs_f64());
        }
    }

    /// A drill of a plan ended: well, after so long, or for this reason.
    pub fn drill_ended(&self, namespace: &str, plan: &str, how: Result<Duration, &str>) {
        if let Some(series) = self.plan(namespace, plan) {
            series.drill_ended(how.err());
        }
        if let Ok(took) = how {
            self.families.drill_seconds.observe(took.as_secs_f64());
        }
    }

    /// The text that a scrape gets: OpenMetrics 1.0.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Whether this process leads, computed when asked: a gauge set by a task would lie when that task hangs.
#[derive(Debug)]
struct Leader(Leadership);

impl Collector for Leader {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let help = "Whether this process is the leader (1) or waits (0)";
        let value = i64::from(self.0.is_leader());
        encoder
            .encode_descriptor("leader", help, None, MetricType::Gauge)?
            .encode_gauge(&value)
    }
}
