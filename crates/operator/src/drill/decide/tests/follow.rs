//! A drill under way, and how it is given up.

use etcd_backup_api::RestoreStage;

use super::*;
use crate::agent::{Said, Stage};

#[test]
fn a_job_is_made_looked_at_and_made_again_from_the_status_alone() {
    let plan = drilling(&json!({}));
    let began = after(&plan, &look(&plan, &holding("a"), "07:00:00"));
    let job = |decision: &Decision| running(decision).unwrap().job.clone();
    // Another process, which has seen nothing yet.
    let other = look(&began, &empty(), "07:10:00");
    assert_eq!(other.work, Some(Work::Pursue));
    assert_eq!(
        job(&other),
        began
            .status
            .as_ref()
            .unwrap()
            .drill
            .as_ref()
            .unwrap()
            .running
            .as_ref()
            .unwrap()
            .job
    );
    assert!(job(&other).starts_with("prod-planuid-drill-") && job(&other).len() <= 63);

    let active = says(
        &holding("a"),
        "07:10:00",
        Ok(waiting("ImagePullBackOff", "no such image")),
    );
    let soon = look(&began, &active, "07:10:02");
    assert_eq!((soon.work, soon.again), (None, Some(at("07:10:05"))));
    assert_eq!(
        running(&soon).unwrap().message.as_deref(),
        Some("ImagePullBackOff: no such image")
    );
    assert_eq!(look(&began, &active, "07:10:05").work, Some(Work::Pursue));
    let asking = Observed {
        asking: true,
        ..active
    };
    assert_eq!(look(&began, &asking, "07:10:30").work, None);
}

#[test]
fn a_right_that_is_missing_is_told_at_once_and_the_drill_ends_in_time() {
    let plan = drilling(&json!({"drill": {"timeout": "10m"}}));
    let began = after(&plan, &look(&plan, &holding("a"), "07:00:00"));
    let forbidden = says(&holding("a"), "07:00:01", Err(problem("Forbidden")));
    let decision = look(&began, &forbidden, "07:00:02");
    assert_eq!(verdict(&decision), (Truth::False, "Forbidden"));
    assert_eq!(
        (decision.work, decision.again),
        (None, Some(at("07:00:31"))),
        "not at every look"
    );
    assert_eq!(look(&began, &forbidden, "07:00:31").work, Some(Work::Pursue));
    let over = look(&began, &forbidden, "07:15:00");
    assert_eq!(
        (verdict(&over), running(&over)),
        ((Truth::False, "Forbidden"), None)
    );

    // While the API server is away nothing is known to be wrong.
    let away = says(&holding("a"), "07:00:01", Err(problem("ApiServerUnavailable")));
    assert_eq!(
        verdict(&look(&began, &away, "07:00:02")),
        (Truth::Unknown, "NoDrillYet")
    );
}

#[test]
fn a_job_that_nobody_ends_is_given_up() {
    let plan = drilling(&json!({"drill": {"timeout": "10m"}}));
    let began = after(&plan, &look(&plan, &holding("a"), "07:00:00"));
    let waits = waiting("Unschedulable", "0/3 nodes are available");
    let pending = says(&holding("a"), "07:14:58", Ok(waits));
    assert!(running(&look(&began, &pending, "07:14:59")).is_some());
    let over = look(&began, &pending, "07:15:00");
    assert_eq!(
        (over.work, verdict(&over)),
        (Some(Work::Abandon), (Truth::False, "DeadlineExceeded"))
    );
    assert!(over.verdict.unwrap().message.contains("0/3 nodes are available"));
}

#[test]
fn whoever_drills_no_more_ends_what_runs_and_keeps_what_was_proved() {
    let (good, _) = ended(&drilling(&json!({})), "a", "07:00:00", Ok(drilled()));
    let mut stopped = after(&good, &look(&good, &holding("b"), "08:00:00"));
    stopped.spec.verification = Verification::Readback;
    let decision = look(&stopped, &holding("b"), "08:00:05");
    assert_eq!(
        (decision.work, decision.status.as_ref(), decision.verdict.as_ref()),
        (Some(Work::Abandon), None, None)
    );
    assert_eq!(decision.restorable.unwrap().run_id, "a");
}

#[test]
fn how_far_a_drill_is_is_shown_until_its_pod_is_made_again() {
    let plan = drilling(&json!({}));
    let began = after(&plan, &look(&plan, &holding("a"), "07:00:00"));
    let said = Said {
        stage: Stage::Building,
        bytes: 40 << 20,
        total: Some(90 << 20),
    };
    let working = JobState::Active {
        waits: None,
        said: Some(said),
    };
    let shown = |plan: &EtcdBackup, state: JobState| {
        let decision = look(plan, &says(&holding("a"), "07:00:05", Ok(state)), "07:00:06");
        let progress = running(&decision).unwrap().progress;
        (
            after(plan, &decision),
            progress.map(|progress| (progress.stage, progress.bytes)),
        )
    };
    let (working, progress) = shown(&began, working);
    assert_eq!(progress, Some((RestoreStage::Building, 32 << 20)));
    let (_, progress) = shown(&working, JobState::active(None));
    assert_eq!(
        progress,
        Some((RestoreStage::Building, 32 << 20)),
        "not heard just now"
    );
    assert_eq!(shown(&working, JobState::Lost).1, None);
}
