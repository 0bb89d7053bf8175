//! Comparisons, against two maps.

use std::collections::BTreeSet;

use etcd_backup_bolt::forge::Forge;
use etcd_backup_snapshot::inspect::{
    DiffCounts, DiffOptions, DiffSummary, Difference, DifferenceKind, Snapshot, diff,
};
use proptest::prelude::*;

use crate::model::windows;
use crate::store::{State, Store};

/// What changed between two maps: (key, kind, revision before, revision after), and how many did not.
type Seen = (Vec<u8>, DifferenceKind, Option<i64>, Option<i64>);

fn expected(before: &State, after: &State, prefix: &[u8]) -> (Vec<Seen>, [u64; 3]) {
    let keys: BTreeSet<&Vec<u8>> = before.keys().chain(after.keys()).collect();
    let mut differences = Vec::new();
    let [mut rewritten, mut unchanged, mut diverged] = [0; 3];
    for key in keys.into_iter().filter(|key| key.starts_with(prefix)) {
        let (one, other) = (before.get(key), after.get(key));
        let kind = match (one, other) {
            (Some((main, put)), Some((other_main, other_put))) if put.value == other_put.value => {
                *(if main == other_main {
                    &mut unchanged
                } else {
                    &mut rewritten
                }) += 1;
                continue;
            }
            (Some((main, _)), Some((other_main, _))) => {
                diverged += u64::from(main == other_main);
                DifferenceKind::Changed
            }
            (None, _) => DifferenceKind::Added,
            (_, None) => DifferenceKind::Removed,
        };
        let main = |side: Option<&(i64, _)>| side.map(|(main, _)| *main);
        differences.push((key.clone(), kind, main(one), main(other)));
    }
    (differences, [rewritten, unchanged, diverged])
}

fn compare(
    before: &Snapshot<Vec<u8>>,
    after: &Snapshot<Vec<u8>>,
    options: &DiffOptions,
) -> (Vec<Seen>, DiffSummary) {
    let mut differences = diff(before, after, options).unwrap();
    let seen = differences
        .by_ref()
        .map(Result::unwrap)
        .map(|difference: Difference| {
            let main = |version: Option<etcd_backup_snapshot::inspect::KeyVersion>| {
                version.map(|version| version.mod_revision)
            };
            let (before, after) = (main(difference.before), main(difference.after));
            (difference.key.0, difference.kind, before, after)
        })
        .collect();
    assert!(differences.next().is_none());
    (seen, differences.summary())
}

fn count(seen: &[Seen], kind: DifferenceKind) -> u64 {
    seen.iter().filter(|(_, other, ..)| *other == kind).count() as u64
}

fn counts(seen: &[Seen]) -> DiffCounts {
    DiffCounts {
        added: count(seen, DifferenceKind::Added),
        removed: count(seen, DifferenceKind::Removed),
        changed: count(seen, DifferenceKind::Changed),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn two_snapshots_differ_as_two_maps_do(
        seed in any::<u64>(),
        other in any::<u64>(),
        windows in (windows(), windows()),
        at in any::<prop::sample::Index>(),
        related in any::<bool>(),
    ) {
        let before = Store::random(seed);
        // Of the same cluster later on, or of another.
        let after = if related {
            let mut after = before.clone();
            for (key, value) in [("/registry/pods/ns0/p0", Some("x")), ("plain0", None), ("plain9", Some("y"))] {
                after.transaction(vec![(key.into(), value.map(Into::into))]);
            }
            after
        } else {
            Store::random(other)
        };
        let forge = Forge { seed, ..Forge::default() };
        let (first, second) = (before.snapshot(&forge, windows.0), after.snapshot(&forge, windows.1));
        let last = first.header().revision.max(before.compacted);
        let span = usize::try_from(last - before.compacted).unwrap() + 1;
        let revision = before.compacted + i64::try_from(at.index(span)).unwrap();
        for prefix in [&b""[..], b"/registry/"] {
            let options = DiffOptions { prefix: prefix.to_vec(), before: Some(revision), ..DiffOptions::default() };
            let (seen, summary) = compare(&first, &second, &options);
            let (differences, [rewritten, unchanged, diverged]) =
                expected(&before.at(revision), &after.at(i64::MAX), prefix);
            prop_assert_eq!(&seen, &differences);
            prop_assert_eq!(&summary.total, &counts(&seen));
            prop_assert_eq!([summary.rewritten, summary.unchanged, summary.diverged], [rewritten, unchanged, diverged]);
            if related {
                prop_assert_eq!(summary.diverged, 0);
            }
            let pods: Vec<Seen> = seen.iter().filter(|seen| seen.0.starts_with(b"/registry/pods/")).cloned().collect();
            let group = summary.resources.iter().find(|group| group.name == "/registry/pods");
            prop_assert_eq!(group.map(|group| group.counts.clone()).unwrap_or_default(), counts(&pods));
        }
    }
}

#[test]
fn a_snapshot_does_not_differ_from_itself() {
    let store = (0..999)
        .map(Store::random)
        .find(|store| store.at(i64::MAX).len() > 9)
        .unwrap();
    let snapshot = store.snapshot(&Forge::default(), 64 << 20);
    let (seen, summary) = compare(&snapshot, &snapshot, &DiffOptions::default());
    assert!(seen.is_empty());
    assert_eq!(summary.unchanged, store.at(i64::MAX).len() as u64);
    assert_eq!(summary.total, DiffCounts::default());
}

#[test]
fn the_json_of_a_difference_is_stable() {
    let mut store = Store::default();
    store.transaction(vec![(b"/registry/pods/a/b".to_vec(), Some(b"1".to_vec()))]);
    store.transaction(vec![(b"/registry/pods/a/b".to_vec(), Some(b"22".to_vec()))]);
    let snapshot = store.snapshot(&Forge::default(), 1000);
    let options = DiffOptions {
        before: Some(2),
        ..DiffOptions::default()
    };
    let mut differences = diff(&snapshot, &snapshot, &options).unwrap();
    let first = differences.next().unwrap().unwrap();
    assert_eq!(
        serde_json::to_string(&first).unwrap(),
        r#"{"key":"/registry/pods/a/b","type":"changed","before":{"createRevision":2,"modRevision":2,"version":1,"valueBytes":1},"after":{"createRevision":2,"modRevision":3,"version":2,"valueBytes":2},"kubernetes":{"resource":"pods","namespace":"a","name":"b"}}"#
    );
    assert!(differences.next().is_none());
    assert_eq!(
        serde_json::to_string(&differences.summary()).unwrap(),
        r#"{"total":{"added":0,"removed":0,"changed":1},"rewritten":0,"unchanged":0,"diverged":0,"resources":[{"name":"/registry/pods","added":0,"removed":0,"changed":1}],"otherResources":{"added":0,"removed":0,"changed":0}}"#
    );
}
