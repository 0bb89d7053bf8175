//! Every edge of a run, and every call to the store, times every way to end there.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::Notify;

use super::{a_complete_backup_or_nothing, claimed, nothing_is_left};
use crate::{
    manifest::{Compression, Manifest},
    testing::{Fault, Faulty, Op, control, denied, down, request, write_fixture},
    write::{Control, Fenced, Step, Steps, Stopped, WriteError, WriteRequest},
};

const STEPS: [Step; 10] = [
    Step::Begin,
    Step::UploadBegun,
    Step::PartStored(1),
    Step::PartStored(7),
    Step::StreamEnded,
    Step::BeforeComplete,
    Step::Completed,
    Step::BeforeReadback,
    Step::BeforeManifest,
    Step::ManifestWritten,
];

/// What to do at a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Then {
    Fail,
    Hang,
    Cancel,
    Fence,
}

struct At {
    step: Step,
    then: Then,
    control: Control,
    here: Arc<Notify>,
    fenced: Arc<AtomicBool>,
}

#[async_trait]
impl Steps for At {
    async fn reached(&self, step: Step) -> Result<(), Stopped> {
        if step != self.step {
            return Ok(());
        }
        match self.then {
            Then::Fail => return Err(Stopped),
            Then::Hang => {
                self.here.notify_one();
                std::future::pending::<()>().await;
            }
            Then::Cancel => self.control.cancel.cancel(),
            Then::Fence => self.fenced.store(true, Ordering::SeqCst),
        }
        Ok(())
    }
}

/// Runs until something happens at `step`. `None` if the run was killed there.
async fn run_until(store: &Faulty, step: Step, then: Then) -> Option<Result<Manifest, WriteError>> {
    let mut control = control();
    let fenced = Arc::new(AtomicBool::new(false));
    let here = Arc::new(Notify::new());
    let lost = fenced.clone();
    control.fence = Arc::new(move || {
        if lost.load(Ordering::SeqCst) {
            Err(Fenced("another leads".into()))
        } else {
            Ok(())
        }
    });
    control.steps = Some(Arc::new(At {
        step,
        then,
        control: control.clone(),
        here: here.clone(),
        fenced,
    }));
    let store = store.arc();
    let writing = write_fixture(&store, request(), control);
    tokio::select! {
        outcome = writing => Some(outcome),
        () = here.notified() => None,
    }
}

#[tokio::test]
async fn a_run_killed_at_any_edge_leaves_a_complete_backup_or_nothing_that_a_sweep_does_not_remove() {
    for step in STEPS {
        let store = claimed().await;
        assert!(
            run_until(&store, step, Then::Hang).await.is_none(),
            "{step:?} was not reached"
        );
        let backed_up = a_complete_backup_or_nothing(&store, &format!("{step:?}")).await;
        assert_eq!(backed_up, step == Step::ManifestWritten, "{step:?}");
    }
}

#[tokio::test]
async fn a_run_that_fails_at_any_edge_cleans_up_after_itself() {
    for step in STEPS.into_iter().filter(|step| *step != Step::ManifestWritten) {
        let store = claimed().await;
        let error = run_until(&store, step, Then::Fail).await.unwrap().unwrap_err();
        assert_eq!(error.reason(), "Stopped", "{step:?}");
        nothing_is_left(&store).await;
    }
}

#[tokio::test]
async fn a_run_cancelled_at_any_edge_cleans_up_after_itself() {
    for step in STEPS.into_iter().filter(|step| *step != Step::ManifestWritten) {
        let store = claimed().await;
        let outcome = run_until(&store, step, Then::Cancel).await.unwrap();
        match outcome {
            Err(error) => {
                assert_eq!(error.reason(), "Cancelled", "{step:?}");
                nothing_is_left(&store).await;
            }
            Ok(_) => panic!("{step:?}: a cancelled run succeeded"),
        }
    }
}

#[tokio::test]
async fn a_run_that_is_fenced_at_any_edge_makes_nothing_visible_from_then_on() {
    for step in STEPS.into_iter().filter(|step| *step != Step::ManifestWritten) {
        let store = claimed().await;
        let error = run_until(&store, step, Then::Fence).await.unwrap().unwrap_err();
        assert_eq!(error.reason(), "Fenced", "{step:?}");
        // Not for a moment either: what is cleaned up afterwards was there before.
        let done = |wanted: Op| store.log().iter().filter(|(op, _)| *op == wanted).count();
        let complete_before = [Step::Completed, Step::BeforeReadback, Step::BeforeManifest].contains(&step);
        assert_eq!(done(Op::Complete), usize::from(complete_before), "{step:?}");
        assert_eq!(done(Op::Put), 0, "{step:?}");
        let backed_up = a_complete_backup_or_nothing(&store, &format!("{step:?}")).await;
        assert!(!backed_up, "{step:?}");
    }
}

#[tokio::test]
async fn a_run_that_is_fenced_while_its_manifest_fails_does_not_try_again() {
    let store = claimed().await.on(Op::Put, usize::MAX, Fault::Fail(down));
    let mut control = control();
    let seen = store.clone();
    control.fence = Arc::new(move || {
        let tried = seen.log().iter().any(|(op, _)| *op == Op::Put);
        if tried {
            Err(Fenced("another leads".into()))
        } else {
            Ok(())
        }
    });
    let error = write_fixture(&store.arc(), request(), control).await.unwrap_err();
    assert_eq!(error.reason(), "Fenced");
    assert_eq!(store.log().iter().filter(|(op, _)| *op == Op::Put).count(), 1);
    assert!(!a_complete_backup_or_nothing(&store, "fenced").await);
}

/// How many calls to the store a run makes.
async fn calls() -> usize {
    let store = claimed().await;
    write_fixture(&store.arc(), request(), control()).await.unwrap();
    store.operations()
}

#[tokio::test]
async fn a_failure_of_any_call_to_the_store_leaves_a_complete_backup_or_nothing() {
    let calls = calls().await;
    assert!(calls > 12, "{calls}");
    for fault in [
        Fault::Fail(down),
        Fault::Fail(denied),
        Fault::LoseAnswer(down),
        Fault::LoseAnswer(denied),
    ] {
        for number in 0..calls {
            let store = claimed().await.at(number, fault);
            let request = WriteRequest {
                compression: Compression::None,
                ..request()
            };
            let outcome = write_fixture(&store.arc(), request, control()).await;
            let context = format!("call {number}, {fault:?}");
            let backed_up = a_complete_backup_or_nothing(&store, &context).await;
            assert!(backed_up || outcome.is_err(), "{context}: said to succeed");
            assert!(
                !backed_up || outcome.is_ok(),
                "{context}: said to fail: {outcome:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_run_killed_in_any_call_to_the_store_leaves_a_complete_backup_or_nothing() {
    for fault in [Fault::Hang, Fault::DoAndHang] {
        for number in 0..calls().await {
            let store = claimed().await.at(number, fault);
            let shared = store.arc();
            let writing = write_fixture(&shared, request(), control());
            let killed = tokio::select! {
                outcome = writing => panic!("call {number}: {outcome:?}"),
                () = store.hangs() => true,
            };
            assert!(killed);
            a_complete_backup_or_nothing(&store, &format!("call {number}, {fault:?}")).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_even_take_back_an_upload_does_not_hold_a_cancelled_run() {
    let store = claimed()
        .await
        .on(Op::Abort, 1, Fault::Hang)
        .on(Op::Part, usize::MAX, Fault::Hang);
    let control = control();
    let shared = store.arc();
    let writing = write_fixture(&shared, request(), control.clone());
    let cancelling = async {
        store.hangs().await;
        control.cancel.cancel();
    };
    let (outcome, ()) = tokio::time::timeout(Duration::from_mins(10), async {
        tokio::join!(writing, cancelling)
    })
    .await
    .unwrap();
    assert_eq!(outcome.unwrap_err().reason(), "Cancelled");
    assert!(!a_complete_backup_or_nothing(&store, "abort hangs").await);
}
