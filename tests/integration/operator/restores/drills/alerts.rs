//! The alerts that are shipped, asked of Prometheus' own engine on what a real operator exports.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use harness::{
    prometheus::{self, Alert, Scraped},
    wait,
};
use serde_json::json;

use crate::operator::{
    outcome::PATIENCE,
    plan::Plan,
    restores::scene::{Scene, Ward},
    schedule::now,
};

/// What is changed about a healthy plan, what fires then, and what that says.
struct Trouble {
    changes: &'static [(&'static str, Value)],
    fires: Option<(&'static str, &'static str)>,
}

/// What a gauge is set to.
#[derive(Debug, Clone, Copy)]
enum Value {
    Is(f64),
    /// The time of so many seconds ago.
    Ago(f64),
}

use Value::{Ago, Is};

const HOUR: f64 = 3600.0;
const DAY: f64 = 24.0 * HOUR;

const TROUBLES: &[Trouble] = &[
    Trouble {
        changes: &[
            ("fresh", Is(0.0)),
            ("last_success_timestamp_seconds", Ago(3.0 * DAY)),
        ],
        fires: Some(("EtcdBackupOverdue", "prod is 3d 0h 0m 0s old")),
    },
    // Old, and no older than its schedule promises.
    Trouble {
        changes: &[("last_success_timestamp_seconds", Ago(30.0 * DAY))],
        fires: None,
    },
    Trouble {
        changes: &[("fresh", Is(0.0)), ("last_success_timestamp_seconds", Is(0.0))],
        fires: Some(("EtcdBackupNeverSucceeded", "There is no good snapshot of")),
    },
    // Its first slot has not passed.
    Trouble {
        changes: &[("last_success_timestamp_seconds", Is(0.0))],
        fires: None,
    },
    Trouble {
        changes: &[("accepted", Is(0.0))],
        fires: Some(("EtcdBackupNotAccepted", "its specification or a Secret")),
    },
    Trouble {
        changes: &[("last_run_succeeded", Is(0.0))],
        fires: Some(("EtcdBackupRunFailed", "The last run of")),
    },
    // No run is known.
    Trouble {
        changes: &[
            ("last_run_succeeded", Is(0.0)),
            ("last_run_timestamp_seconds", Is(0.0)),
        ],
        fires: None,
    },
    Trouble {
        changes: &[("retention_refused", Is(3.0))],
        fires: Some(("EtcdBackupRetentionRefused", "3 snapshots of")),
    },
    Trouble {
        changes: &[("restorable", Is(0.0))],
        fires: Some(("EtcdBackupNotRestorable", "could not be restored in a drill")),
    },
    Trouble {
        changes: &[
            ("drill_expected_interval_seconds", Is(HOUR)),
            ("last_drill_timestamp_seconds", Ago(2.6 * HOUR)),
        ],
        fires: Some(("EtcdBackupDrillOverdue", "was 2h 36m 0s ago")),
    },
    Trouble {
        changes: &[
            ("drill_expected_interval_seconds", Is(HOUR)),
            ("last_drill_timestamp_seconds", Ago(2.4 * HOUR)),
        ],
        fires: None,
    },
    // Drills without a schedule.
    Trouble {
        changes: &[("last_drill_timestamp_seconds", Ago(90.0 * DAY))],
        fires: None,
    },
];

/// A healthy operator, scraped at one time.
struct Healthy {
    scraped: Scraped,
    namespace: String,
    at: i64,
}

impl Healthy {
    fn with(&self, changes: &[(&str, Value)]) -> Result<Scraped> {
        let mut scraped = self.scraped.clone();
        let of_plan = [("namespace", self.namespace.as_str()), ("plan", "prod")];
        for &(name, value) in changes {
            let value = match value {
                Is(value) => value,
                #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are exact")]
                Ago(seconds) => self.at as f64 - seconds,
            };
            scraped.set(&format!("etcd_backup_{name}"), &of_plan, &[(0.0, value)])?;
        }
        Ok(scraped)
    }

    /// The one alert that there is, or none.
    fn only(&self, scraped: &Scraped) -> Result<Option<Alert>> {
        let mut alerts = scraped.alerts(self.at)?;
        ensure!(alerts.len() <= 1, "more than one: {alerts:?}");
        Ok(alerts.pop())
    }
}

#[tokio::test]
async fn each_alert_fires_for_what_it_is_for_and_for_nothing_else() -> Result<()> {
    let scene = Scene::begin("alerts").await?;
    scene.drill(json!({})).await?;
    scene.case.take("one", "prod").await?;
    scene.case.drilled("one").await?;
    scene.case.condition("prod", "Ready", "True", "Succeeded").await?;
    let operator = &Ward::shared().await?.operator;
    let text = operator.metrics().await?;
    let mut healthy = Healthy {
        scraped: Scraped::default(),
        namespace: scene.case.namespace.clone(),
        at: now().timestamp(),
    };
    healthy.scraped.add("first", &healthy.namespace, &text)?;
    ensure!(healthy.only(&healthy.scraped)?.is_none(), "all is well, and yet");

    let mut seen = BTreeSet::new();
    for Trouble { changes, fires } in TROUBLES {
        let alert = healthy
            .only(&healthy.with(changes)?)
            .with_context(|| format!("{changes:?}"))?;
        let name = alert.as_ref().map(|alert| alert.alert.as_str());
        ensure!(name == fires.map(|(name, _)| name), "{changes:?}: {alert:?}");
        if let (Some(alert), Some((name, said))) = (alert, fires) {
            names_the_plan(&alert, &healthy.namespace)?;
            let summary = &alert.annotations["summary"];
            ensure!(summary.contains(said), "{name} says: {summary}");
            seen.insert(alert.alert);
        }
    }
    seen.extend(of_the_operator(&healthy, &text)?);
    ensure!(
        seen == prometheus::names()?,
        "rules that nothing was asked of: {seen:?}"
    );

    // And on a real failure, as it is exported.
    let lost = Plan::new("lost", scene.subject, &scene.case).with("storage/s3/bucket", json!("never-made"));
    scene.case.apply(&lost).await?;
    scene.case.ask("lost-one", "lost").await?;
    scene.case.failed("lost-one").await?;
    let alerts = wait::until_some("its alert", PATIENCE, async || {
        let text = operator.metrics().await.ok()?;
        let mut scraped = Scraped::default();
        scraped.add("first", &healthy.namespace, &text).ok()?;
        let alerts = scraped.alerts(now().timestamp()).ok()?;
        (!alerts.is_empty()).then_some(alerts)
    })
    .await?;
    let found: Vec<_> = alerts
        .iter()
        .map(|alert| (alert.alert.as_str(), alert.labels["plan"].as_str()))
        .collect();
    ensure!(found == [("EtcdBackupRunFailed", "lost")], "{alerts:?}");
    scene.finish().await
}

fn names_the_plan(alert: &Alert, namespace: &str) -> Result<()> {
    let plan = format!("{namespace}/prod");
    let summary = &alert.annotations["summary"];
    ensure!(summary.contains(&plan), "{}: {summary}", alert.alert);
    let description = &alert.annotations["description"];
    let command = format!("kubectl -n {namespace} ");
    ensure!(
        description.contains(&command) || description.contains("condition"),
        "{}: {description}",
        alert.alert
    );
    Ok(())
}

/// What is about the operator as a whole. Gives the names of the alerts that fired.
fn of_the_operator(healthy: &Healthy, text: &str) -> Result<Vec<String>> {
    let mut fired = Vec::new();
    let mut bug = healthy.scraped.clone();
    let kind = [("kind", "EtcdBackup")];
    bug.set(
        "etcd_backup_reconcile_panics_total",
        &kind,
        &[(-0.5 * HOUR, 0.0), (0.0, 1.0)],
    )?;
    let alert = healthy.only(&bug)?.context("a panic, and no alert")?;
    ensure!(
        alert.annotations["summary"].contains("an EtcdBackup in a bug"),
        "{alert:?}"
    );
    fired.push(alert.alert);

    // Without a leader nobody knows how a plan is: that alone is said.
    let mut headless = healthy.with(&[("fresh", Is(0.0)), ("last_run_succeeded", Is(0.0))])?;
    headless.set("etcd_backup_leader", &[], &[(0.0, 0.0)])?;
    for scraped in [headless, Scraped::default()] {
        let alert = healthy.only(&scraped)?.context("no leader, and no alert")?;
        ensure!(alert.alert == "EtcdBackupNoLeader", "{alert:?}");
        fired.push(alert.alert);
    }

    // One that waits may have led before, and its series of then are old.
    let waiting = text.replace("etcd_backup_leader 1", "etcd_backup_leader 0");
    ensure!(waiting != text, "it does not lead");
    let mut two = healthy.with(&[("restorable", Is(0.0))])?;
    two.set("etcd_backup_leader", &[], &[(0.0, 0.0)])?;
    two.add("second", &healthy.namespace, text)?;
    ensure!(
        healthy.only(&two)?.is_none(),
        "what a waiting replica says counts"
    );
    let mut two = healthy.with(&[("restorable", Is(0.0))])?;
    two.add("second", &healthy.namespace, &waiting)?;
    let alert = healthy
        .only(&two)?
        .context("beside a waiting replica it is not heard")?;
    ensure!(alert.labels["instance"] == "first", "{alert:?}");
    Ok(fired)
}
