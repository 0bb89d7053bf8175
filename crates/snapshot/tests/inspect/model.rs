//! Any history, at any revision, through windows of any size: what the model says.

use std::collections::BTreeSet;

use etcd_backup_bolt::forge::Forge;
use etcd_backup_snapshot::inspect::{ChangeKind, KeyInfo, Selection, UserKey, ValueKind};
use proptest::prelude::*;

use crate::store::{State, Store};

/// A key, its revisions (created, changed), version, lease, bytes and kind.
type Listed = (Vec<u8>, i64, i64, i64, i64, u64, ValueKind);

/// A listing as the model has it.
fn expected(state: &State, selection: &Selection) -> Vec<Listed> {
    state
        .iter()
        .filter(|(key, _)| key.starts_with(&selection.prefix))
        .filter(|(key, _)| selection.after.as_ref().is_none_or(|after| *key > after))
        .map(|(key, (main, put))| {
            let kind = ValueKind::of(&put.value);
            let length = put.value.len() as u64;
            (
                key.clone(),
                put.create,
                *main,
                put.version,
                put.lease,
                length,
                kind,
            )
        })
        .collect()
}

fn seen(info: KeyInfo) -> Listed {
    let UserKey(key) = info.key;
    (
        key,
        info.create_revision,
        info.mod_revision,
        info.version,
        info.lease,
        info.value_bytes,
        info.value_kind,
    )
}

/// Windows that hold one key, a few, and all.
pub(crate) fn windows() -> impl Strategy<Value = u64> {
    prop_oneof![Just(1_u64), 100_u64..3000, Just(64 << 20)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn keys_are_listed_as_they_were(seed in any::<u64>(), window in windows(), at in any::<prop::sample::Index>()) {
        let store = Store::random(seed);
        let snapshot = store.snapshot(&Forge { seed, stale: 3, ..Forge::default() }, window);
        prop_assert_eq!(snapshot.header().revision, store.left.keys().last().map_or(0, |revision| revision.0));
        prop_assert_eq!(snapshot.header().compact_revision, store.compacted);
        let last = snapshot.header().revision.max(store.compacted);
        let span = usize::try_from(last - store.compacted).unwrap() + 1;
        let revision = store.compacted + i64::try_from(at.index(span)).unwrap();
        for revision in [None, Some(revision), Some(store.compacted)] {
            let state = store.at(revision.unwrap_or(last));
            for (prefix, after) in [
                (&b""[..], None),
                (b"/registry/", None),
                (b"/registry/pods/", Some(b"/registry/pods/ns0/p3".to_vec())),
                (b"plain1", Some(b"a".to_vec())),
                (b"\xff", Some(b"\xff\xff".to_vec())),
            ] {
                let selection = Selection { prefix: prefix.to_vec(), after, revision };
                let listed: Vec<_> = snapshot.keys(&selection).unwrap().map(|info| seen(info.unwrap())).collect();
                prop_assert_eq!(listed, expected(&state, &selection));
            }
        }
    }

    #[test]
    fn one_key_is_told_as_it_was(seed in any::<u64>(), at in any::<prop::sample::Index>()) {
        let store = Store::random(seed);
        let snapshot = store.snapshot(&Forge { seed, ..Forge::default() }, 64 << 20);
        let keys: BTreeSet<Vec<u8>> = store.events.values().map(|event| event.key.clone()).collect();
        let last = snapshot.header().revision.max(store.compacted);
        let span = usize::try_from(last - store.compacted).unwrap() + 1;
        let revision = store.compacted + i64::try_from(at.index(span)).unwrap();
        for key in keys {
            for revision in [None, Some(revision)] {
                let state = store.at(revision.unwrap_or(last));
                let got = snapshot.get(&key, revision).unwrap();
                let value = got.as_ref().map(|got| (got.info.mod_revision, got.info.version, got.value.0.clone()));
                let expected = state.get(&key).map(|(main, put)| (*main, put.version, put.value.clone()));
                prop_assert_eq!(value, expected);
                if let Some(got) = got {
                    prop_assert_eq!(got.info.key, UserKey(key.clone()));
                }
            }
            let changes: Vec<_> = snapshot.history(&key).unwrap().map(Result::unwrap).map(|change| {
                let put = match change.kind {
                    ChangeKind::Put { version, value_bytes, .. } => Some((version, value_bytes)),
                    ChangeKind::Delete => None,
                };
                (change.revision, change.sub_revision, put)
            }).collect();
            let expected: Vec<_> = store.left.iter().filter(|(_, event)| event.key == key).map(|((main, sub), event)| {
                (*main, *sub, event.put.as_ref().map(|put| (put.version, put.value.len() as u64)))
            }).collect();
            prop_assert_eq!(changes, expected);
        }
        prop_assert!(snapshot.get(b"no such key", None).unwrap().is_none());
        prop_assert_eq!(snapshot.history(b"no such key").unwrap().count(), 0);
    }
}

#[test]
fn revisions_that_are_not_there_are_refused() {
    let mut store = Store::default();
    for _ in 0..9 {
        store.transaction(vec![(b"k".to_vec(), Some(b"v".to_vec()))]);
    }
    store.compact(5);
    let snapshot = store.snapshot(&Forge::default(), 1000);
    let reason = |revision| {
        let selection = Selection {
            revision: Some(revision),
            ..Selection::default()
        };
        let listed = snapshot.keys(&selection).err().map(|error| error.reason());
        let got = snapshot
            .get(b"k", Some(revision))
            .err()
            .map(|error| error.reason());
        assert_eq!(listed, got);
        got
    };
    for (revision, expected) in [
        (-1, Some("RevisionCompacted")),
        (4, Some("RevisionCompacted")),
        (5, None),
        (10, None),
        (11, Some("RevisionInFuture")),
    ] {
        assert_eq!(reason(revision), expected, "{revision}");
    }
}

#[test]
fn the_json_of_a_key_is_stable() {
    let mut store = Store::default();
    let key = b"/registry/pods/default/a".to_vec();
    let value = crate::kubernetes::protobuf("v1", "Pod", "default", "a");
    store.transaction(vec![(key.clone(), Some(value))]);
    store.transaction(vec![
        (b"\xff1".to_vec(), Some(b"text".to_vec())),
        (key.clone(), None),
    ]);
    let snapshot = store.snapshot(&Forge::default(), 1000);
    let pod = snapshot.get(&key, Some(2)).unwrap().unwrap();
    assert_eq!(
        serde_json::to_string(&pod.info).unwrap(),
        r#"{"key":"/registry/pods/default/a","createRevision":2,"modRevision":2,"version":1,"lease":77,"valueBytes":98,"valueKind":{"encoding":"protobuf","apiVersion":"v1","kind":"Pod"},"kubernetes":{"resource":"pods","namespace":"default","name":"a"}}"#
    );
    let other = snapshot.get(b"\xff1", None).unwrap().unwrap();
    assert_eq!(
        serde_json::to_string(&other).unwrap(),
        r#"{"keyBase64":"/zE=","createRevision":3,"modRevision":3,"version":1,"lease":77,"valueBytes":4,"valueKind":{"encoding":"other"},"value":"text"}"#
    );
    let changes: Vec<_> = snapshot.history(&key).unwrap().map(Result::unwrap).collect();
    assert_eq!(
        serde_json::to_string(&changes).unwrap(),
        r#"[{"revision":2,"subRevision":0,"type":"put","createRevision":2,"version":1,"lease":77,"valueBytes":98,"valueKind":{"encoding":"protobuf","apiVersion":"v1","kind":"Pod"}},{"revision":3,"subRevision":1,"type":"delete"}]"#
    );
    assert!(!format!("{pod:?}").contains("spec"));
}
