//! Whether a plan is accepted, and its store reachable.

use etcd_backup_api::conditions::find;
use serde_json::json;

use super::*;
use crate::events::reason as event;

#[test]
fn a_store_that_does_not_answer_is_told_once_and_again_when_it_does() {
    let good = healthy();
    let plan = seen(plan(json!({})), &good, at("05:01:00"));
    let mut bad = healthy();
    let trouble = Trouble {
        reason: "StoreUnavailable".to_owned(),
        message: "503 for a minute".to_owned(),
    };
    bad.store.as_mut().unwrap().holds = Err(trouble);
    let down = decide(&plan, &bad, at("05:02:00"));
    assert_eq!(says(&down, "StoreReachable"), pair("False", "StoreUnavailable"));
    assert_eq!(says(&down, "Ready"), pair("False", "StoreUnavailable"));
    assert_eq!(told(&down), [event::STORE_UNREACHABLE]);
    assert_eq!(
        down.status.last_success,
        plan.status.as_ref().unwrap().last_success
    );
    let plan = after(plan, &down);
    assert!(is_quiet(&decide(&plan, &bad, at("05:02:30")), &plan));
    assert_eq!(
        told(&decide(&plan, &good, at("05:03:00"))),
        [event::STORE_REACHABLE_AGAIN]
    );
}

#[test]
fn a_missing_secret_makes_the_plan_not_accepted() {
    let mut observed = healthy();
    let trouble = Trouble {
        reason: "SecretNotFound".to_owned(),
        message: "Secret s3 is not there".to_owned(),
    };
    observed.store.as_mut().unwrap().holds = Err(trouble);
    let decision = decide(&plan(json!({})), &observed, at("05:02:00"));
    assert_eq!(says(&decision, "Accepted"), pair("False", "SecretNotFound"));
}

#[test]
fn whatever_only_the_author_can_put_right_makes_the_plan_not_accepted() {
    for reason in [
        "SecretInvalid",
        "AmbientCredentialsRefused",
        "InvalidConfig",
        "LocalPathRefused",
        "EndpointRefused",
    ] {
        let mut observed = healthy();
        observed.store.as_mut().unwrap().holds = Err(Trouble {
            reason: reason.to_owned(),
            message: "as it stands".to_owned(),
        });
        let decision = decide(&plan(json!({})), &observed, at("05:02:00"));
        assert_eq!(says(&decision, "Accepted"), pair("False", reason));
    }
}

#[test]
fn a_secret_of_etcd_that_is_missing_is_told_before_any_run() {
    let mut observed = healthy();
    let mut trouble = Trouble {
        reason: "SecretNotFound".to_owned(),
        message: "Secret etcd is not there".to_owned(),
    };
    observed.etcd = Some(Err(trouble.clone()));
    let decision = decide(&plan(json!({})), &observed, at("05:02:00"));
    assert_eq!(says(&decision, "Accepted"), pair("False", "SecretNotFound"));
    assert_eq!(says(&decision, "Ready"), pair("False", "SecretNotFound"));
    assert_eq!(says(&decision, "StoreReachable").0, "True");
    assert_eq!(told(&decision), [event::NOT_ACCEPTED]);
    // The next process has not looked yet.
    let known = after(plan(json!({})), &decision);
    let mut unknown = healthy();
    unknown.store = None;
    let later = decide(&known, &unknown, at("05:02:30"));
    assert_eq!(says(&later, "Accepted"), pair("False", "SecretNotFound"));
    assert_eq!(told(&later), [""; 0]);
    // An API server in trouble says nothing about the plan.
    trouble.reason = "SecretUnavailable".to_owned();
    observed.etcd = Some(Err(trouble));
    let decision = decide(&plan(json!({})), &observed, at("05:02:00"));
    assert_eq!(says(&decision, "Accepted").0, "True");
}

#[test]
fn broken_manifests_are_shown_and_do_not_make_the_store_unreachable() {
    let mut observed = healthy();
    let said = observed.store.as_mut().unwrap();
    said.holds.as_mut().unwrap().broken = Some((2, "its object is gone".to_owned()));
    assert_eq!(
        says(
            &decide(&plan(json!({})), &observed, at("05:02:00")),
            "StoreReachable"
        ),
        pair("True", "BrokenBackups")
    );
}

#[test]
fn a_store_that_cannot_create_only_is_said_to_be_one() {
    let mut observed = healthy();
    let message = |observed: &Observed| {
        let status = decide(&plan(json!({})), observed, at("05:02:00")).status;
        let said = find(&status.conditions, "StoreReachable").unwrap();
        (said.status.clone(), said.message.clone())
    };
    assert_eq!(message(&observed).1, "it answers");
    observed.looks_first = true;
    let (truth, said) = message(&observed);
    assert_eq!(truth, "True");
    assert!(said.contains("If-None-Match"), "{said}");
}
