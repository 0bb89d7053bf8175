use std::time::Duration;

use chrono::DateTime;

use super::{Flow, Metrics, Operation, Stage};
use crate::lease::Leadership;

fn lines(metrics: &Metrics, containing: &str) -> Vec<String> {
    metrics
        .encode()
        .unwrap()
        .lines()
        .filter(|line| line.contains(containing) && !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_new_plan_has_every_series_from_the_start() {
    let metrics = Metrics::new(Leadership::always());
    metrics.track_plan("prod", "main");
    let text = metrics.encode().unwrap();
    for series in [
        r#"etcd_backup_last_success_timestamp_seconds{namespace="prod",plan="main"} 0.0"#,
        r#"etcd_backup_next_run_timestamp_seconds{namespace="prod",plan="main"} 0.0"#,
        r#"etcd_backup_expected_interval_seconds{namespace="prod",plan="main"} 0.0"#,
        r#"etcd_backup_fresh{namespace="prod",plan="main"} 1.0"#,
        r#"etcd_backup_accepted{namespace="prod",plan="main"} 1.0"#,
        r#"etcd_backup_last_snapshot_size_bytes{namespace="prod",plan="main"} 0.0"#,
        r#"etcd_backup_last_snapshot_revision{namespace="prod",plan="main"} 0.0"#,
        r#"etcd_backup_snapshots{namespace="prod",plan="main"} 0.0"#,
        r#"etcd_backup_stored_bytes{namespace="prod",plan="main"} 0.0"#,
        r#"etcd_backup_retention_kept{namespace="prod",plan="main"} 0.0"#,
        r#"etcd_backup_retention_refused{namespace="prod",plan="main"} 0.0"#,
        r#"etcd_backup_retention_deleted_total{namespace="prod",plan="main"} 0"#,
        r#"etcd_backup_runs_total{namespace="prod",plan="main",result="Succeeded",reason=""} 0"#,
        r#"etcd_backup_runs_total{namespace="prod",plan="main",result="Failed",reason="Internal"} 0"#,
    ] {
        assert!(
            text.lines().any(|line| line == series),
            "{series} is missing in\n{text}"
        );
    }
}

#[test]
fn only_a_plan_with_drills_has_their_series_and_then_all_of_them() {
    let metrics = Metrics::new(Leadership::always());
    let plan = metrics.track_plan("prod", "main");
    metrics.track_plan("prod", "other");
    let of_drills = |metrics: &Metrics| {
        let all = ["restorable", "drill"].map(|word| lines(metrics, word)).concat();
        all.into_iter()
            .filter(|line| line.contains("plan="))
            .collect::<Vec<_>>()
    };
    assert_eq!(of_drills(&metrics), [""; 0]);
    let at = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
    plan.set_drills(false, Some(at), Some(at), Some(Duration::from_hours(24)));
    metrics.drill_ended("prod", "main", Err("Integrity"));
    metrics.drill_ended("prod", "main", Ok(Duration::from_secs(9)));
    assert_eq!(
        of_drills(&metrics),
        [
            r#"etcd_backup_last_restorable_timestamp_seconds{namespace="prod",plan="main"} 1795000000.0"#,
            r#"etcd_backup_restorable{namespace="prod",plan="main"} 0.0"#,
            r#"etcd_backup_last_drill_timestamp_seconds{namespace="prod",plan="main"} 1795000000.0"#,
            r#"etcd_backup_drill_expected_interval_seconds{namespace="prod",plan="main"} 86400.0"#,
            r#"etcd_backup_drills_total{namespace="prod",plan="main",result="Failed",reason="Integrity"} 1"#,
            r#"etcd_backup_drills_total{namespace="prod",plan="main",result="Failed",reason="Internal"} 0"#,
            r#"etcd_backup_drills_total{namespace="prod",plan="main",result="Succeeded",reason=""} 1"#,
        ]
    );
    assert_eq!(
        lines(&metrics, "etcd_backup_drill_duration_seconds_count"),
        ["etcd_backup_drill_duration_seconds_count 1"]
    );
    plan.forget_drills();
    assert_eq!(of_drills(&metrics), [""; 0]);
}

#[test]
fn what_is_set_is_what_is_scraped() {
    let metrics = Metrics::new(Leadership::always());
    let plan = metrics.track_plan("prod", "main");
    let at = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
    plan.set_last_success(Some((at, 4096, 77)));
    plan.set_schedule(Some(at), Some(Duration::from_hours(1)));
    plan.set_inventory(3, 9000);
    plan.run_ended(at, Duration::from_millis(2500), None);
    plan.run_ended(at, Duration::from_millis(2500), Some("NoQuorum"));
    plan.run_ended(at, Duration::from_millis(2500), Some("NoQuorum"));
    plan.retention_ran(5, 2, 1);
    plan.retention_ran(4, 1, 0);
    let text = metrics.encode().unwrap();
    for series in [
        r#"etcd_backup_last_success_timestamp_seconds{namespace="prod",plan="main"} 1795000000.0"#,
        r#"etcd_backup_last_snapshot_revision{namespace="prod",plan="main"} 77.0"#,
        r#"etcd_backup_expected_interval_seconds{namespace="prod",plan="main"} 3600.0"#,
        r#"etcd_backup_stored_bytes{namespace="prod",plan="main"} 9000.0"#,
        r#"etcd_backup_last_run_duration_seconds{namespace="prod",plan="main"} 2.5"#,
        r#"etcd_backup_last_run_succeeded{namespace="prod",plan="main"} 0.0"#,
        r#"etcd_backup_runs_total{namespace="prod",plan="main",result="Failed",reason="NoQuorum"} 2"#,
        r#"etcd_backup_runs_total{namespace="prod",plan="main",result="Succeeded",reason=""} 1"#,
        r#"etcd_backup_retention_kept{namespace="prod",plan="main"} 4.0"#,
        r#"etcd_backup_retention_deleted_total{namespace="prod",plan="main"} 3"#,
        r#"etcd_backup_retention_refused{namespace="prod",plan="main"} 0.0"#,
    ] {
        assert!(
            text.lines().any(|line| line == series),
            "{series} is missing in\n{text}"
        );
    }
}

#[test]
fn what_a_process_before_saw_is_recalled_and_what_this_one_saw_goes_before() {
    let metrics = Metrics::new(Leadership::always());
    let plan = metrics.track_plan("prod", "main");
    let at = |seconds: i64| DateTime::from_timestamp(1_795_000_000 + seconds, 0).unwrap();
    let last_run = || {
        ["timestamp_seconds", "duration_seconds", "succeeded"].map(|what| {
            let line = lines(&metrics, &format!("etcd_backup_last_run_{what}{{")).concat();
            line.rsplit_once(' ').unwrap().1.to_owned()
        })
    };
    plan.recall_run(at(0), Some(Duration::from_secs(8)), true);
    assert_eq!(last_run(), ["1795000000.0", "8.0", "1.0"]);
    plan.run_ended(at(60), Duration::from_millis(2500), Some("NoQuorum"));
    plan.recall_run(at(0), Some(Duration::from_secs(8)), true);
    assert_eq!(last_run(), ["1795000060.0", "2.5", "0.0"]);
    // Another process led meanwhile.
    plan.recall_run(at(120), None, true);
    assert_eq!(last_run(), ["1795000120.0", "0.0", "1.0"]);
}

#[test]
fn every_series_that_an_alert_asks_for_is_there() {
    let alerts = include_str!("../../../../config/components/monitoring/alerts.yaml");
    let metrics = Metrics::new(Leadership::always());
    let plan = metrics.track_plan("prod", "main");
    plan.set_drills(true, None, None, None);
    let text = metrics.encode().unwrap();
    let exported: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let asked: Vec<&str> = alerts
        .split(|c| !name(c))
        .filter(|word| word.starts_with("etcd_backup_"))
        .collect();
    assert!(asked.contains(&"etcd_backup_fresh") && asked.contains(&"etcd_backup_accepted"));
    for series in asked {
        assert!(exported.contains(&series), "{series} is in no scrape");
    }
}

#[test]
fn restores_are_counted_by_how_they_ended_and_the_good_ones_are_timed() {
    let metrics = Metrics::new(Leadership::always());
    metrics.restore_ended(Ok(Duration::from_secs(40)));
    metrics.restore_ended(Err("TargetInUse"));
    metrics.restore_ended(Err("TargetInUse"));
    let text = metrics.encode().unwrap();
    for series in [
        r#"etcd_backup_restores_total{result="Succeeded",reason=""} 1"#,
        r#"etcd_backup_restores_total{result="Failed",reason="TargetInUse"} 2"#,
        r#"etcd_backup_restores_total{result="Failed",reason="Internal"} 0"#,
        "etcd_backup_restore_duration_seconds_sum 40.0",
        r#"etcd_backup_restore_duration_seconds_bucket{le="30.0"} 0"#,
    ] {
        assert!(
            text.lines().any(|line| line == series),
            "{series} is missing in\n{text}"
        );
    }
}

#[test]
fn a_plan_that_goes_takes_its_series_along_and_late_work_does_not_bring_them_back() {
    let metrics = Metrics::new(Leadership::always());
    let late = metrics.track_plan("prod", "main");
    metrics.track_plan("prod", "other");
    metrics.forget_plan("prod", "main");
    late.set_inventory(1, 1);
    assert!(metrics.plan("prod", "main").is_none());
    assert!(lines(&metrics, r#"plan="main""#).is_empty());
    assert!(!lines(&metrics, r#"plan="other""#).is_empty());
}

#[test]
fn a_reason_cannot_smuggle_text_into_a_label() {
    let metrics = Metrics::new(Leadership::always());
    let plan = metrics.track_plan("prod", "main");
    plan.run_ended(
        DateTime::UNIX_EPOCH,
        Duration::ZERO,
        Some("Bad\u{1b}[2J \"reason\"\n{x}"),
    );
    assert_eq!(lines(&metrics, "Bad").len(), 1);
    assert!(lines(&metrics, "Bad")[0].contains(r#"reason="Bad2Jreasonx""#));
}

#[test]
fn series_of_the_process_are_present_before_anything_happened() {
    let metrics = Metrics::new(Leadership::always());
    let text = metrics.encode().unwrap();
    assert!(text.contains("etcd_backup_leader 1\n"));
    assert!(text.contains("etcd_backup_build_info{version=\""));
    assert!(text.contains(r#"etcd_backup_run_duration_seconds_count{stage="total"} 0"#));
    assert!(text.contains(r#"etcd_backup_run_processed_bytes_total{stage="etcd"} 0"#));
    assert!(text.contains(r#"etcd_backup_run_errors_total{stage="survey",reason="Internal"} 0"#));
    assert!(text.contains(r#"etcd_backup_reconcile_panics_total{kind="EtcdBackup"} 0"#));
    assert!(text.contains(r#"etcd_backup_store_operation_duration_seconds_count{operation="put"} 0"#));
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn operations_and_stages_are_counted() {
    let metrics = Metrics::new(Leadership::always());
    metrics.stage_took(Stage::Write, Duration::from_secs(4));
    metrics.bytes_passed(Flow::Store, 12);
    metrics.stage_failed(Stage::Survey, "NoQuorum");
    metrics.operation_took(Operation::Part, Duration::from_millis(30));
    metrics.operation_failed(Operation::Part, "Throttled");
    metrics.set_runs(3, 8);
    let text = metrics.encode().unwrap();
    assert!(text.contains("etcd_backup_runs_active 3\n") && text.contains("etcd_backup_runs_waiting 8\n"));
    assert!(text.contains(r#"etcd_backup_run_duration_seconds_sum{stage="write"} 4.0"#));
    assert!(text.contains(r#"etcd_backup_run_processed_bytes_total{stage="store"} 12"#));
    assert!(text.contains(r#"etcd_backup_run_errors_total{stage="survey",reason="NoQuorum"} 1"#));
    assert!(
        text.contains(r#"etcd_backup_store_operation_duration_seconds_bucket{le="0.1",operation="part"} 1"#)
    );
    assert!(
        text.contains(r#"etcd_backup_store_operation_errors_total{operation="part",reason="Throttled"} 1"#)
    );
}

#[test]
fn every_metric_has_help_and_no_name_twice() {
    let metrics = Metrics::new(Leadership::always());
    metrics.track_plan("prod", "main");
    metrics.operation_failed(Operation::Get, "Timeout");
    let text = metrics.encode().unwrap();
    let mut names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# HELP "))
        .collect();
    assert!(names.iter().all(|line| {
        line.split_once(' ')
            .is_some_and(|(name, help)| name.starts_with("etcd_backup_") && help.len() > 10)
    }));
    let before = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), before);
}

/// Every word of a text that begins as our metrics do.
fn named(text: &str) -> Vec<&str> {
    let part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    text.split(|letter| !part(letter))
        .filter(|word| word.starts_with("etcd_backup_"))
        .collect()
}

#[test]
fn every_metric_that_an_alert_or_a_document_names_is_exported() {
    let metrics = Metrics::new(Leadership::always());
    metrics
        .track_plan("prod", "main")
        .set_drills(true, None, None, None);
    let text = metrics.encode().unwrap();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let alerts = std::fs::read_to_string(root.join("config/components/monitoring/alerts.yaml")).unwrap();
    let documents = ["docs/drills.md", "docs/etcdrestore.md"]
        .map(|document| std::fs::read_to_string(root.join(document)).unwrap())
        .concat();
    assert!(named(&alerts).len() > 10, "the alerts name {:?}", named(&alerts));
    for name in named(&alerts) {
        let series = |line: &str| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(['{', ' ']))
        };
        assert!(text.lines().any(series), "{name} has no series:\n{text}");
    }
    for name in named(&documents) {
        let family = name.strip_suffix("_total").unwrap_or(name);
        assert!(
            text.contains(&format!("# TYPE {family} ")),
            "{name} is not exported:\n{text}"
        );
    }
}
