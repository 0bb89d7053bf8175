//! Members in place are started, and asked whether they agree.

use super::*;
use crate::restore::Agreement;

fn committed() -> Observed {
    let done = || JobState::Complete(Some(AgentResult::Committed { previous: None }));
    Observed {
        set: Some(Ok(set(0, 0, 0))),
        ..with(vec![(Step::Commit, 0, done()), (Step::Commit, 1, done())])
    }
}

#[test]
fn members_in_place_are_started_then_asked() {
    let decision = look(&plain("Committing", "Committing"), &committed());
    assert_eq!(decision.status.phase, RestorePhase::Starting);
    assert_eq!(decision.status.members[0].phase, MemberPhase::Committed);

    let starting = plain("Starting", "Committed");
    let scaling = look(&starting, &seen(set(0, 0, 0)));
    assert_eq!(scaling.actions, [Action::Scale(2)]);
    let half = look(&starting, &seen(set(2, 1, 2)));
    assert_eq!(
        (half.status.phase, reason(&half)),
        (RestorePhase::Starting, "MembersNotReady")
    );
    let ready = look(&starting, &seen(set(2, 2, 2)));
    assert_eq!(
        ready.status.phase,
        RestorePhase::Succeeded,
        "nobody said where to ask"
    );
    let mut asked = starting.clone();
    let etcd = json!({"endpoints": ["https://etcd:2379"]});
    asked.status.as_mut().unwrap().verify = serde_json::from_value(etcd).unwrap();
    let ready = look(&asked, &seen(set(2, 2, 2)));
    assert_eq!(ready.status.phase, RestorePhase::Verifying);
    let never = late(&starting, &seen(set(2, 1, 2)));
    assert_eq!(never.status.phase, RestorePhase::Failed);
    let message = never.status.message.unwrap();
    assert!(
        message.contains("in place") && message.contains("1 of 2 pods"),
        "{message}"
    );
}

#[test]
fn one_that_had_no_replicas_keeps_none() {
    let stopped = object(
        "Committing",
        "Committing",
        &json!({"/status/statefulSet/replicas": 0}),
    );
    let decision = look(&stopped, &committed());
    assert_eq!(decision.status.phase, RestorePhase::Succeeded);
    assert!(decision.actions.is_empty());
}

fn answered(answer: Result<Agreement, Failure>) -> Observed {
    Observed {
        verification: Errand::Done {
            at: at("07:00:00"),
            answer,
        },
        ..quiet()
    }
}

#[test]
fn a_cluster_that_agrees_is_restored_and_one_that_differs_is_not() {
    let verifying = plain("Verifying", "Committed");
    assert_eq!(look(&verifying, &quiet()).actions, [Action::Verify]);
    let agreement = Agreement {
        members: 2,
        revision: 9,
        hash_kv: 7,
        as_restored: true,
        version: "3.6.14".to_owned(),
    };
    let good = look(&verifying, &answered(Ok(agreement)));
    assert_eq!(good.status.phase, RestorePhase::Succeeded);
    assert!(good.status.message.unwrap().contains("HashKV at revision 9 is 7"));

    let starting = || Failure::transient("MemberDown", "x");
    let waiting = look(&verifying, &answered(Err(starting())));
    assert_eq!(
        (waiting.status.phase, reason(&waiting)),
        (RestorePhase::Verifying, "MemberDown")
    );
    assert!(waiting.actions.is_empty(), "it was asked five seconds ago");
    let again = super::decide(&verifying, &answered(Err(starting())), at("07:01:00"));
    assert_eq!(again.actions, [Action::Verify]);
    let never = late(&verifying, &answered(Err(starting())));
    assert_eq!(
        (never.status.phase, reason(&never)),
        (RestorePhase::Failed, "MemberDown")
    );
    let wrong = look(&verifying, &answered(Err(Failure::lasting("DataDiffers", "x"))));
    assert_eq!(
        (wrong.status.phase, reason(&wrong)),
        (RestorePhase::Failed, "DataDiffers")
    );
}
