//! A slow store never holds the source.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, stream};
use tokio::sync::watch;

use super::{claimed, nothing_is_left};
use crate::{
    testing::{Fault, Op, control, fixture, request, small_limits, source_of},
    write::{Limits, SourceError, SpoolLimits, Stage, Step, Steps, Stopped, WriteRequest, write},
};

/// Lets no part be counted as stored until the source has ended.
struct UntilDrained(watch::Receiver<bool>);

#[async_trait::async_trait]
impl Steps for UntilDrained {
    async fn reached(&self, step: Step) -> Result<(), Stopped> {
        if matches!(step, Step::PartStored(_)) {
            self.0.clone().wait_for(|drained| *drained).await.unwrap();
        }
        Ok(())
    }
}

fn telling(
    bytes: &Bytes,
    drained: watch::Sender<bool>,
) -> impl futures::Stream<Item = Result<Bytes, SourceError>> + Send + 'static + use<> {
    let end = stream::once(async move {
        drained.send_replace(true);
        Ok(Bytes::new())
    });
    source_of(bytes).chain(end)
}

#[tokio::test]
async fn the_source_is_drained_while_the_store_has_not_taken_a_single_part() {
    let store = claimed().await;
    let (drained, seen) = watch::channel(false);
    let mut control = control();
    control.steps = Some(Arc::new(UntilDrained(seen)));
    // Would never end if the source had to wait for the store.
    let writing = write(telling(&fixture(), drained), store.arc(), request(), control);
    tokio::time::timeout(Duration::from_mins(1), writing)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_store_that_is_too_slow_for_the_spool_ends_the_run_and_lets_the_source_go() {
    let store = claimed().await.on(Op::Part, usize::MAX, Fault::Hang);
    let released = Arc::new(AtomicBool::new(false));
    let guard = OnDrop(released.clone());
    // As slow as the sealing thread, so that what waits is what the store does not take.
    let source = source_of(&fixture()).chain(stream::pending()).map(move |chunk| {
        let _held = &guard;
        chunk
    });
    let spool = SpoolLimits {
        memory: 64 << 10,
        disk: 0,
        ..small_limits().spool
    };
    let request = WriteRequest {
        limits: Limits {
            spool,
            ..small_limits()
        },
        ..request()
    };
    let error = write(source, store.arc(), request, control()).await.unwrap_err();
    assert_eq!((error.reason(), error.is_transient()), ("SpoolFull", true));
    assert!(
        released.load(Ordering::SeqCst),
        "the source is let go of before the run ends"
    );
    nothing_is_left(&store).await;
}

struct OnDrop(Arc<AtomicBool>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn no_more_parts_are_under_way_than_allowed() {
    for at_once in [1, 3] {
        let mut store = claimed().await;
        // Longer than it takes to make the next one: as many overlap as may.
        store.part_takes = Duration::from_millis(5);
        let request = WriteRequest {
            limits: Limits {
                parts_in_flight: at_once,
                ..small_limits()
            },
            ..request()
        };
        write(source_of(&fixture()), store.arc(), request, control())
            .await
            .unwrap();
        assert_eq!(store.most_parts(), at_once);
    }
}

#[tokio::test]
async fn progress_says_how_far_a_run_is() {
    let store = claimed().await;
    let control = control();
    let length = fixture().len() as u64;
    write(source_of(&fixture()), store.arc(), request(), control.clone())
        .await
        .unwrap();
    let now = control.progress.now();
    assert_eq!(
        (now.read, now.stored, now.verified, now.total, now.stage),
        (length, length, length, Some(length), Stage::Done)
    );
}
