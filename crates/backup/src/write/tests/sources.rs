//! Streams that are not one sound snapshot.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use etcd_backup_snapshot::HashKv;
use etcd_backup_store::MemoryStore;
use futures::{Stream, StreamExt, stream};

use super::{a_complete_backup_or_nothing, claimed, nothing_is_left, plan};
use crate::{
    owner::claim,
    testing::{Faulty, control, fixture, live_now, owner, request, source_of},
    write::{Confirm, Control, SourceError, WriteError, WriteRequest, write},
};

/// Writes these bytes, of unknown size, and says why there is no backup.
async fn refusal(bytes: Bytes) -> WriteError {
    let store = claimed().await;
    let mut request = request();
    request.source.size = None;
    let error = write(source_of(&bytes), store.arc(), request, control())
        .await
        .unwrap_err();
    nothing_is_left(&store).await;
    error
}

#[tokio::test]
async fn a_snapshot_cut_short_leaves_nothing_however_little_is_missing() {
    let bytes = fixture();
    let length = bytes.len();
    for cut in [
        0,
        1,
        31,
        32,
        4_096,
        100_000,
        length - 4_096 - 32,
        length - 33,
        length - 32,
        length - 31,
        length - 1,
    ] {
        let error = refusal(bytes.slice(..cut)).await;
        assert!(matches!(error, WriteError::Verify(_)), "{cut}: {error}");
        assert!(error.is_transient(), "another copy may be whole");
    }
}

#[tokio::test]
async fn a_flipped_byte_leaves_nothing_wherever_it_is() {
    let bytes = fixture();
    for at in [
        16,
        5_000,
        123_456,
        bytes.len() / 2,
        bytes.len() - 33,
        bytes.len() - 1,
    ] {
        let mut flipped = bytes.to_vec();
        flipped[at] ^= 0x40;
        let error = refusal(flipped.into()).await;
        assert!(matches!(error, WriteError::Verify(_)), "{at}: {error}");
    }
}

#[tokio::test]
async fn bytes_that_follow_the_snapshot_leave_nothing() {
    let doubled = [fixture(), fixture()].concat();
    assert!(matches!(refusal(doubled.into()).await, WriteError::Verify(_)));
}

/// Some of the snapshot, and then the connection ends.
fn broken_off() -> impl Stream<Item = Result<Bytes, SourceError>> + Send + 'static {
    let broken = stream::iter([Err(SourceError {
        reason: "StreamBroken",
        transient: true,
        source: "connection reset".into(),
    })]);
    source_of(&fixture()).take(40).chain(broken)
}

#[tokio::test]
async fn what_one_member_sent_before_it_broke_off_does_not_count_towards_the_snapshot_of_the_next() {
    let store = claimed().await;
    let control = control();
    for _ in 0..2 {
        let error = write(broken_off(), store.arc(), request(), control.clone()).await;
        assert_eq!(error.unwrap_err().reason(), "StreamBroken");
    }
    let (lost, _) = control.progress.passed();
    let source = source_of(&fixture());
    let manifest = write(source, store.arc(), request(), control.clone())
        .await
        .unwrap();
    let (now, whole) = (control.progress.now(), fixture().len() as u64);
    assert_eq!((now.read, now.total), (whole, Some(whole)));
    assert_eq!(now.stored, manifest.object.size);
    assert_eq!(control.progress.passed().0, lost + whole);
    assert!(lost > 0 && a_complete_backup_or_nothing(&store, "of the third").await);
}

#[tokio::test]
async fn a_source_that_breaks_off_is_named_and_leaves_nothing() {
    let store = claimed().await;
    let error = write(broken_off(), store.arc(), request(), control())
        .await
        .unwrap_err();
    assert_eq!((error.reason(), error.is_transient()), ("StreamBroken", true));
    assert_eq!(error.to_string(), "read the snapshot: connection reset");
    nothing_is_left(&store).await;
}

#[tokio::test]
async fn a_source_that_is_not_as_long_as_announced_leaves_nothing() {
    let length = fixture().len() as u64;
    for (announced, source) in [
        (length + 512, source_of(&fixture()).boxed()),
        (length - 512, source_of(&fixture()).boxed()),
    ] {
        let store = claimed().await;
        let mut request = request();
        request.source.size = Some(announced);
        let error = write(source, store.arc(), request, control()).await.unwrap_err();
        assert_eq!(error.reason(), "SizeMismatch");
        nothing_is_left(&store).await;
    }
}

#[tokio::test]
async fn a_source_without_end_is_stopped_where_it_said_it_would_end() {
    let store = claimed().await;
    let bytes = fixture();
    let endless = stream::repeat_with(move || Ok(bytes.clone()));
    let control = control();
    let error = write(endless, store.arc(), request(), control.clone())
        .await
        .unwrap_err();
    assert_eq!(error.reason(), "SizeMismatch");
    assert!(control.progress.now().read <= 3 * fixture().len() as u64);
    nothing_is_left(&store).await;
}

#[tokio::test]
async fn a_snapshot_older_than_what_etcd_had_confirmed_is_refused() {
    let store = claimed().await;
    let mut request = request();
    request.source.minimum_revision = 155;
    let error = write(source_of(&fixture()), store.arc(), request, control())
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            WriteError::Stale {
                revision: 154,
                minimum: 155
            }
        ),
        "{error}"
    );
    nothing_is_left(&store).await;
}

#[tokio::test]
async fn a_degraded_cluster_is_marked() {
    let store = claimed().await;
    let mut request = WriteRequest { ..request() };
    request.source.degraded = true;
    assert!(
        write(source_of(&fixture()), store.arc(), request, control())
            .await
            .unwrap()
            .degraded
    );
}

/// The store's parts are so small that ten thousand do not hold the snapshot.
#[tokio::test]
async fn parts_grow_with_a_size_that_is_known_and_without_one_the_run_ends() {
    let small = fixture().len() / 10_000 / 2;
    for known in [true, false] {
        let store = Faulty::new(MemoryStore::new().with_part_size(small));
        claim(&store.inner, &plan(), &owner(), live_now()).await.unwrap();
        let mut request = request();
        request.source.size = request.source.size.filter(|_| known);
        let written = write(source_of(&fixture()), store.arc(), request, control()).await;
        if known {
            assert!(a_complete_backup_or_nothing(&store, "a size that is known").await);
            assert_eq!(written.unwrap().object.size, fixture().len() as u64);
        } else {
            let error = written.unwrap_err();
            assert_eq!(
                (error.reason(), error.is_transient()),
                ("TooLarge", false),
                "{error}"
            );
            nothing_is_left(&store).await;
        }
    }
}

/// A member that says this, whatever it is asked, and notes what it was asked.
struct Says(Result<u32, String>, Mutex<Vec<HashKv>>);

#[async_trait]
impl Confirm for Says {
    async fn hash_at(&self, ours: HashKv) -> Result<u32, String> {
        self.1.lock().unwrap().push(ours);
        self.0.clone()
    }
}

#[tokio::test]
async fn a_member_that_holds_other_data_than_it_sent_gives_no_backup() {
    let sound = write(source_of(&fixture()), claimed().await.arc(), request(), control());
    let hash = sound.await.unwrap().snapshot.hash_kv.unwrap();
    for (says, expected) in [
        (Ok(hash.hash), None),
        (Err("it does not answer".to_owned()), None),
        (Ok(hash.hash ^ 1), Some("HashMismatch")),
    ] {
        let store = claimed().await;
        let member = Arc::new(Says(says, Mutex::default()));
        let control = Control {
            confirm: Some(member.clone()),
            ..control()
        };
        let written = write(source_of(&fixture()), store.arc(), request(), control).await;
        assert_eq!(*member.1.lock().unwrap(), [hash.into()]);
        let refused = written.as_ref().err();
        assert_eq!(refused.map(WriteError::reason), expected);
        if let Some(error) = refused {
            assert!(error.is_transient() && error.is_of_source());
            nothing_is_left(&store).await;
        }
    }
}
