//! When drills begin, and what their ends mean.

use etcd_backup_api::{DrillResult, EtcdBackup, PinnedSource, RestoreStage};
use serde_json::{Value, json};

use super::*;
use crate::agent::{AgentResult, Said, Stage};
use crate::drill::Seen;
use crate::fixtures::{at, on, plan};
use crate::jobs::seen::{JobState, Problem};
use crate::jobs::wait::Wait;
use crate::status::Truth;

fn source(run_id: &str) -> PinnedSource {
    serde_json::from_value(json!({
        "url": "s3://backups/ns/prod/x", "key": "ns/prod/x", "storage": {"s3": {"bucket": "backups"}}, "runID": run_id,
        "sha256": "", "size": 1, "snapshotSize": 2, "snapshotSHA256": "", "revision": 42, "clusterID": "1",
        "taken": "2026-11-23T06:00:01Z",
    }))
    .unwrap()
}

/// A store that has answered, with this newest snapshot.
fn holding(run_id: &str) -> Observed {
    Observed {
        enabled: true,
        newest: Some(Newest {
            snapshot: format!("prod-{run_id}"),
            source: source(run_id),
        }),
        settled: true,
        ..Observed::default()
    }
}

fn empty() -> Observed {
    Observed {
        newest: None,
        ..holding("")
    }
}

/// A plan that drills, changed by merging `changes` into its specification.
fn drilling(changes: &Value) -> EtcdBackup {
    let mut object = plan(json!({"spec": {"verification": "Restore"}}));
    let mut spec = serde_json::to_value(&object.spec).unwrap();
    for (name, value) in changes.as_object().unwrap() {
        spec[name] = value.clone();
    }
    object.spec = serde_json::from_value(spec).unwrap();
    object
}

fn look(plan: &EtcdBackup, observed: &Observed, time: &str) -> Decision {
    decide(plan, Timing::of(plan).ok().as_ref(), observed, at(time))
}

/// The plan with what `decision` writes into its status: what the next look will see.
fn after(plan: &EtcdBackup, decision: &Decision) -> EtcdBackup {
    let mut plan = plan.clone();
    let status = json!({"drill": decision.status, "lastRestorable": decision.restorable});
    plan.status = Some(serde_json::from_value(status).unwrap());
    plan
}

fn running(decision: &Decision) -> Option<&RunningDrill> {
    decision.status.as_ref()?.running.as_ref()
}

fn begun(decision: &Decision) -> Option<&str> {
    let begins = decision.work == Some(Work::Pursue) && told(decision) == ["DrillStarted"];
    running(decision)
        .filter(|_| begins)
        .map(|running| running.source.run_id.as_str())
}

fn told(decision: &Decision) -> Vec<&'static str> {
    decision.notes.iter().map(|note| note.reason).collect()
}

fn verdict(decision: &Decision) -> (Truth, &str) {
    let verdict = decision.verdict.as_ref().unwrap();
    (verdict.truth, verdict.reason.as_str())
}

fn says(observed: &Observed, time: &str, state: Result<JobState, Problem>) -> Observed {
    Observed {
        seen: Some(Seen { at: at(time), state }),
        ..observed.clone()
    }
}

fn waiting(reason: &str, message: &str) -> JobState {
    JobState::active(Some(Wait {
        reason: reason.to_owned(),
        message: message.to_owned(),
    }))
}

fn drilled() -> JobState {
    JobState::Complete(Some(AgentResult::Drilled {
        revision: 42,
        hash_kv: Some(7),
        compared: true,
        etcd: None,
    }))
}

fn problem(reason: &str) -> Problem {
    Problem {
        reason: reason.to_owned(),
        message: "this is why".to_owned(),
    }
}

/// A plan whose drill of `run_id` was begun at `time` and ended like this a minute later.
fn ended(
    plan: &EtcdBackup,
    run_id: &str,
    time: &str,
    state: Result<JobState, Problem>,
) -> (EtcdBackup, Decision) {
    let observed = holding(run_id);
    let began = after(plan, &look(plan, &observed, time));
    let later = at(time) + TimeDelta::minutes(1);
    let seen = Observed {
        seen: Some(Seen { at: later, state }),
        ..observed
    };
    let decision = decide(&began, Timing::of(&began).ok().as_ref(), &seen, later);
    (after(&began, &decision), decision)
}

#[test]
fn a_plan_that_does_not_drill_says_nothing_and_does_nothing() {
    let decision = look(&plan(json!({})), &holding("a"), "07:00:00");
    assert_eq!(decision, Decision::default());
}

#[test]
fn without_a_schedule_each_success_is_drilled_once() {
    let plan = drilling(&json!({}));
    let first = look(&plan, &empty(), "07:00:00");
    assert_eq!(
        (begun(&first), verdict(&first)),
        (None, (Truth::Unknown, "NoDrillYet"))
    );
    let first = look(&plan, &holding("a"), "07:00:00");
    assert_eq!(begun(&first), Some("a"));
    assert_eq!(running(&first).unwrap().snapshot, "prod-a");

    let (done, decision) = ended(&plan, "a", "07:00:00", Ok(drilled()));
    assert_eq!(verdict(&decision), (Truth::True, "Succeeded"));
    assert_eq!(begun(&look(&done, &holding("a"), "08:00:00")), None);
    assert_eq!(begun(&look(&done, &holding("b"), "08:00:00")), Some("b"));
}

#[test]
fn nothing_begins_before_the_store_has_answered_for_this_specification() {
    let unsettled = Observed {
        settled: false,
        ..holding("a")
    };
    assert_eq!(begun(&look(&drilling(&json!({})), &unsettled, "07:00:00")), None);
}

#[test]
fn successes_during_a_drill_are_one_drill_afterwards_of_the_newest() {
    let plan = drilling(&json!({}));
    let began = after(&plan, &look(&plan, &holding("a"), "07:00:00"));
    for newer in ["b", "c"] {
        let decision = look(&began, &holding(newer), "07:00:01");
        assert_eq!(running(&decision).unwrap().source.run_id, "a");
        assert!(decision.notes.is_empty());
    }
    let (done, _) = ended(&plan, "a", "07:00:00", Ok(drilled()));
    assert_eq!(begun(&look(&done, &holding("c"), "07:02:00")), Some("c"));
}

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
fn the_same_snapshot_drilled_again_gets_another_job() {
    let plan = drilling(&json!({}));
    let names = [at("07:00:00"), at("08:00:00")].map(|start| job_name(&plan, "a", start));
    assert_ne!(names[0], names[1]);
    assert_eq!(names[0], job_name(&plan, "a", at("07:00:00")));
    let long = drilling(&json!({}));
    let long = EtcdBackup {
        metadata: kube::api::ObjectMeta {
            name: Some("p".repeat(47)),
            ..long.metadata.clone()
        },
        ..long
    };
    assert!(job_name(&long, "a", at("07:00:00")).len() <= 63);
}

#[test]
fn what_was_proved_is_told_and_remembered() {
    let (plan, decision) = ended(&drilling(&json!({})), "a", "07:00:00", Ok(drilled()));
    assert_eq!(told(&decision), ["DrillSucceeded"]);
    assert_eq!(decision.ended, Some(Ok(std::time::Duration::from_mins(1))));
    let restorable = decision.restorable.unwrap();
    assert_eq!(
        (restorable.snapshot.as_str(), restorable.revision),
        ("prod-a", 42)
    );
    assert_eq!(
        (restorable.snapshot_time, restorable.time),
        (at("06:00:01"), at("07:01:00"))
    );
    let last = plan.status.unwrap().drill.unwrap().last.unwrap();
    assert_eq!(
        (last.result, last.hash_kv, last.reason),
        (DrillResult::Succeeded, Some(7), None)
    );
    assert!(
        last.message
            .unwrap()
            .contains("HashKV 7 is the one that was backed up")
    );

    for (result, words) in [
        (
            AgentResult::Drilled {
                revision: 42,
                hash_kv: Some(7),
                compared: false,
                etcd: None,
            },
            "has none to compare",
        ),
        (
            AgentResult::Drilled {
                revision: 42,
                hash_kv: None,
                compared: false,
                etcd: None,
            },
            "too large",
        ),
        (
            AgentResult::Drilled {
                revision: 42,
                hash_kv: Some(7),
                compared: true,
                etcd: Some("3.6.14".to_owned()),
            },
            "etcd 3.6.14 was started on it",
        ),
    ] {
        let (_, decision) = ended(
            &drilling(&json!({})),
            "a",
            "07:00:00",
            Ok(JobState::Complete(Some(result))),
        );
        let message = decision.verdict.unwrap().message;
        assert!(message.contains(words), "{message}");
    }
    let (_, decision) = ended(
        &drilling(&json!({})),
        "a",
        "07:00:00",
        Ok(JobState::Complete(None)),
    );
    assert_eq!(verdict(&decision), (Truth::True, "Succeeded"));
    assert!(decision.verdict.unwrap().message.contains("its pod is gone"));
}

#[test]
fn a_failure_is_loud_until_a_drill_succeeds_and_forgets_nothing() {
    let (good, _) = ended(&drilling(&json!({})), "a", "07:00:00", Ok(drilled()));
    let (bad, decision) = ended(&good, "b", "08:00:00", Ok(JobState::Failed(problem("Integrity"))));
    assert_eq!(told(&decision), ["DrillFailed"]);
    assert_eq!(verdict(&decision), (Truth::False, "Integrity"));
    assert_eq!(decision.ended, Some(Err("Integrity".to_owned())));
    assert_eq!(decision.restorable.unwrap().run_id, "a");
    // Not again by itself, and false also while the next one runs.
    assert_eq!(begun(&look(&bad, &holding("b"), "09:00:00")), None);
    let next = look(&bad, &holding("c"), "12:01:00");
    assert_eq!(
        (begun(&next), verdict(&next)),
        (Some("c"), (Truth::False, "Integrity"))
    );
    let (_, decision) = ended(&bad, "c", "12:01:00", Ok(drilled()));
    assert_eq!(verdict(&decision), (Truth::True, "Succeeded"));
}

#[test]
fn an_agent_that_failed_in_a_job_that_did_not_is_no_success() {
    let failed = AgentResult::Failed {
        reason: "Integrity".to_owned(),
        message: "it is damaged".to_owned(),
    };
    let (_, decision) = ended(
        &drilling(&json!({})),
        "a",
        "07:00:00",
        Ok(JobState::Complete(Some(failed))),
    );
    assert_eq!(verdict(&decision), (Truth::False, "Integrity"));
}

#[test]
fn nothing_that_a_pod_or_the_api_server_says_makes_a_status_that_cannot_be_written() {
    let long = Problem {
        reason: "not a word! ".repeat(100),
        message: "ü".repeat(9000),
    };
    for state in [
        Ok(JobState::Failed(long.clone())),
        Ok(JobState::Failed(Problem {
            reason: String::new(),
            ..long.clone()
        })),
    ] {
        let (plan, _) = ended(&drilling(&json!({})), "a", "07:00:00", state);
        let last = plan.status.unwrap().drill.unwrap().last.unwrap();
        let reason = last.reason.unwrap();
        assert!(
            (1..=128).contains(&reason.len()) && reason.chars().all(|c| c.is_ascii_alphanumeric()),
            "{reason}"
        );
        assert!(last.message.unwrap().len() <= 4096);
    }
    let plan = drilling(&json!({}));
    let began = after(&plan, &look(&plan, &holding("a"), "07:00:00"));
    for state in [Err(long.clone()), Ok(waiting("FailedCreate", &long.message))] {
        let decision = look(&began, &says(&holding("a"), "07:00:01", state), "07:00:02");
        assert!(running(&decision).unwrap().message.as_ref().unwrap().len() <= 4096);
    }
    let mut edited = began;
    let status = edited.status.as_mut().unwrap().drill.as_mut().unwrap();
    status.running.as_mut().unwrap().start_time = chrono::DateTime::<chrono::Utc>::MAX_UTC;
    let decision = look(&edited, &holding("a"), "07:00:02");
    assert_eq!(verdict(&decision), (Truth::False, "DeadlineExceeded"));
}

#[test]
fn a_schedule_of_drills_decides_alone() {
    let plan = drilling(&json!({"drill": {"schedule": "0 8 * * *"}}));
    let first = look(&plan, &holding("a"), "07:00:00");
    assert_eq!(begun(&first), None);
    assert_eq!(first.status.as_ref().unwrap().next, Some(at("08:00:00")));
    assert_eq!(first.again, Some(at("08:00:00")));
    let plan = after(&plan, &first);
    assert_eq!(
        look(&plan, &holding("b"), "07:59:59").status,
        first.status,
        "nothing to write"
    );
    let due = look(&plan, &holding("b"), "08:00:00");
    assert_eq!(begun(&due), Some("b"));
    // The same snapshot again, a day later: what is stored may have rotted.
    let (done, _) = ended(&plan, "b", "08:00:00", Ok(drilled()));
    let day = decide(
        &done,
        Timing::of(&done).ok().as_ref(),
        &holding("b"),
        on("2026-11-24", "08:00:10"),
    );
    assert_eq!(begun(&day), Some("b"));
    let again = after(&done, &day);
    let again = decide(
        &again,
        Timing::of(&again).ok().as_ref(),
        &says(&holding("b"), "08:00:00", Ok(drilled())),
        on("2026-11-24", "08:01:00"),
    );
    assert_eq!(begun(&again), None);
}

#[test]
fn a_slot_waits_for_a_snapshot_as_long_as_it_may_be_made_up_for() {
    let plan = drilling(&json!({"drill": {"schedule": "0 8 * * *"}}));
    let plan = after(&plan, &look(&plan, &empty(), "07:00:00"));
    let waiting = look(&plan, &empty(), "08:00:00");
    assert_eq!(begun(&waiting), None);
    let plan = after(&plan, &waiting);
    assert_eq!(begun(&look(&plan, &holding("a"), "08:59:00")), Some("a"));
    let late = look(&plan, &empty(), "09:00:01");
    assert_eq!(late.status.as_ref().unwrap().last_slot, Some(at("08:00:00")));
    assert_eq!(
        begun(&look(&after(&plan, &late), &holding("a"), "09:00:02")),
        None
    );
}

#[test]
fn a_suspended_plan_drills_only_when_asked() {
    for drill in [json!({}), json!({"schedule": "0 8 * * *"})] {
        let mut plan = drilling(&json!({"suspend": true, "drill": drill}));
        let decision = look(&plan, &holding("a"), "08:00:00");
        assert_eq!((begun(&decision), decision.again), (None, None));
        plan.metadata.annotations =
            Some([(etcd_backup_api::labels::DRILL_NOW.to_owned(), "please".to_owned())].into());
        assert_eq!(begun(&look(&plan, &holding("a"), "08:00:00")), Some("a"));
    }
}

#[test]
fn one_drill_for_each_value_of_the_annotation() {
    let (mut plan, _) = ended(&drilling(&json!({})), "a", "07:00:00", Ok(drilled()));
    let ask = |plan: &mut EtcdBackup, token: &str| {
        plan.metadata.annotations =
            Some([(etcd_backup_api::labels::DRILL_NOW.to_owned(), token.to_owned())].into());
    };
    ask(&mut plan, "once");
    assert_eq!(
        begun(&look(&plan, &empty(), "08:00:00")),
        None,
        "there is nothing to restore"
    );
    let (mut done, _) = ended(&plan, "a", "08:00:00", Ok(drilled()));
    assert_eq!(begun(&look(&done, &holding("a"), "08:05:00")), None);
    ask(&mut done, "twice");
    assert_eq!(begun(&look(&done, &holding("a"), "08:05:00")), Some("a"));
    ask(&mut done, &"ü".repeat(3000));
    let (done, _) = ended(&done, "a", "08:05:00", Ok(drilled()));
    assert_eq!(
        begun(&look(&done, &holding("a"), "08:10:00")),
        None,
        "remembered as far as the status goes"
    );
}

#[test]
fn what_cannot_be_drilled_says_why_and_nothing_begins() {
    let age =
        json!({"age": {"recipients": ["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"]}});
    let local = json!({"local": {"path": "/backups"}});
    let encrypted = Observed {
        newest: Some(Newest {
            snapshot: "prod-a".to_owned(),
            source: PinnedSource {
                encrypted: true,
                ..source("a")
            },
        }),
        ..holding("a")
    };
    let disabled = Observed {
        enabled: false,
        ..holding("a")
    };
    for (changes, observed, reason) in [
        (json!({}), &disabled, "DrillsDisabled"),
        (
            json!({"drill": {"schedule": "0 0 31 2 *"}}),
            &holding("a"),
            "InvalidSchedule",
        ),
        (json!({"encryption": age}), &empty(), "IdentityNeeded"),
        (json!({}), &encrypted, "IdentityNeeded"),
        (json!({"storage": local}), &holding("a"), "LocalStoreNotMounted"),
    ] {
        let decision = look(&drilling(&changes), observed, "07:00:00");
        assert_eq!(verdict(&decision), (Truth::False, reason));
        assert_eq!(
            (begun(&decision), decision.work, decision.again),
            (None, None, None),
            "{reason}"
        );
    }
    let with = json!({"encryption": age, "drill": {"decryption": {"secretName": "identity"}}});
    assert_eq!(begun(&look(&drilling(&with), &encrypted, "07:00:00")), Some("a"));
    let with = json!({"storage": local, "drill": {"job": {"localStore": {"claimName": "backups"}}}});
    assert_eq!(
        begun(&look(&drilling(&with), &holding("a"), "07:00:00")),
        Some("a")
    );
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
