//! What a drill proves, and what is said of it.

use super::*;

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
        stage: None,
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
