//! Any history of puts, deletions and compactions, as etcd would have stored it.

use std::collections::BTreeMap;

use etcd_backup_bolt::forge::{Forge, Pair, Random};
use etcd_backup_bolt::varint;
use etcd_backup_snapshot::{HashKv, Limits};
use proptest::prelude::*;

use crate::oracle;
use crate::support::{seal, verify_in, verify_within};

/// A store's history: the records that are left, and what was compacted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Store {
    /// By (main, sub): the user's key and version; version 0 is a deletion.
    records: BTreeMap<(i64, i64), (u8, i64)>,
    revision: i64,
    scheduled: Option<i64>,
    finished: Option<i64>,
}

impl Store {
    /// One transaction of a few changes, each to another key.
    fn transaction(&mut self, random: &mut Random, keys: usize, deletions: usize) {
        let main = self.revision + 1;
        let mut sub = 0;
        let mut touched = Vec::new();
        for _ in 0..=random.below(3) {
            let key = u8::try_from(random.below(keys)).unwrap();
            if touched.contains(&key) {
                continue;
            }
            touched.push(key);
            let version = self.version(key);
            let new = if random.below(10) < deletions {
                0
            } else {
                version + 1
            };
            if new == 0 && version == 0 {
                continue; // Deleting what is not there changes nothing.
            }
            self.records.insert((main, sub), (key, new));
            sub += 1;
        }
        if sub > 0 {
            self.revision = main;
        }
    }

    /// The key's version now; 0 if it does not exist.
    fn version(&self, key: u8) -> i64 {
        let last = self.records.values().rev().find(|(other, _)| *other == key);
        last.map_or(0, |(_, version)| *version)
    }

    /// Schedules a compaction and carries it out for records up to `progress`; all of it ends it. Newer servers leave
    /// a deletion at exactly that revision, older ones do not.
    fn compact(&mut self, to: i64, progress: i64, keeps_deletion: bool) {
        self.scheduled = Some(to);
        let mut last: BTreeMap<u8, (i64, i64)> = BTreeMap::new();
        for (revision, (key, _)) in self.records.range(..(to + 1, 0)) {
            last.insert(*key, *revision);
        }
        self.records.retain(|revision, (key, version)| {
            let kept =
                last.get(key) == Some(revision) && (*version > 0 || (keeps_deletion && revision.0 == to));
            revision.0 > to || revision.0 > progress || kept
        });
        if progress >= to {
            self.finished = Some(to);
        }
    }

    /// A snapshot of it, with the other buckets that etcd has.
    fn snapshot(&self, forge: &Forge) -> Vec<u8> {
        let revision = |main: i64, sub: i64| [&main.to_be_bytes()[..], b"_", &sub.to_be_bytes()].concat();
        let records: Vec<Pair> = self
            .records
            .iter()
            .map(|((main, sub), (key, version))| {
                let name = format!("/registry/{key}");
                let mut value = vec![10, u8::try_from(name.len()).unwrap()];
                value.extend(name.as_bytes());
                let mut id = revision(*main, *sub);
                if *version == 0 {
                    id.push(b't');
                } else {
                    value.extend([16, 1, 24, 1, 32]);
                    varint::write(&mut value, version.unsigned_abs());
                    value.extend([42, 3, *key, 0, 1]);
                }
                (id, value)
            })
            .collect();
        let mut meta: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        meta.insert(b"consistent_index".to_vec(), 77_u64.to_be_bytes().to_vec());
        meta.insert(b"term".to_vec(), 3_u64.to_be_bytes().to_vec());
        meta.insert(b"storageVersion".to_vec(), b"3.6.0".to_vec());
        for (name, value) in [
            ("scheduledCompactRev", self.scheduled),
            ("finishedCompactRev", self.finished),
        ] {
            meta.extend(value.map(|main| (name.as_bytes().to_vec(), revision(main, 0))));
        }
        let database = forge.database(&[
            (b"cluster", vec![(b"clusterVersion".to_vec(), b"3.6.0".to_vec())]),
            (b"key", records),
            (b"lease", Vec::new()),
            (b"meta", meta.into_iter().collect()),
        ]);
        seal(&database.bytes)
    }
}

/// A history with compactions, the last one perhaps under way.
pub(crate) fn history(seed: u64) -> Store {
    let mut random = Random::new(seed);
    let mut store = Store::default();
    let (keys, deletions) = (1 + random.below(40), random.below(9));
    for _ in 0..random.below(4) {
        for _ in 0..random.below(60) {
            store.transaction(&mut random, keys, deletions);
        }
        let floor = store.scheduled.unwrap_or(0);
        if store.revision <= floor || store.scheduled != store.finished || random.below(4) == 0 {
            continue;
        }
        let to = floor
            + 1
            + i64::try_from(random.below(usize::try_from(store.revision - floor).unwrap())).unwrap();
        let progress = if random.below(3) == 0 {
            i64::try_from(random.below(80)).unwrap()
        } else {
            i64::MAX
        };
        store.compact(to, progress, random.below(2) == 0);
    }
    for _ in 0..random.below(40) {
        store.transaction(&mut random, keys, deletions);
    }
    store
}

fn forge(seed: u64) -> Forge {
    let mut random = Random::new(seed);
    Forge {
        seed,
        stale: random.below(12),
        leaf_keys: 1 + random.below(14),
        ..Forge::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn any_history_is_told_as_the_slow_reader_tells_it(seed in any::<u64>(), piece in 1_usize..9000) {
        let snapshot = history(seed).snapshot(&forge(seed));
        let report = verify_in(&snapshot, piece).unwrap();
        prop_assert_eq!(report, oracle::report(&snapshot));
    }

    #[test]
    fn without_room_for_keys_only_hash_kv_is_missing(seed in any::<u64>()) {
        let store = history(seed);
        let snapshot = store.snapshot(&forge(seed));
        let limits = Limits { ample: 0, ample_per_page: 0, ..Limits::default() };
        let report = verify_within(&snapshot, 1024, limits).unwrap();
        let expected = oracle::report(&snapshot);
        prop_assert!(report.hash_kv.is_none() || report.hash_kv == expected.hash_kv);
        prop_assert!(report.hash_kv.is_some() || store.scheduled.is_some(), "without a compaction no key is needed");
        prop_assert_eq!(report.status, expected.status);
    }

    #[test]
    fn without_room_for_a_set_of_keys_everything_is_told(seed in any::<u64>()) {
        let snapshot = history(seed).snapshot(&forge(seed));
        let report = verify_within(&snapshot, 1024, room_for_rows_only()).unwrap();
        prop_assert_eq!(report, oracle::report(&snapshot));
    }

    #[test]
    fn how_far_a_compaction_has_come_does_not_change_the_answers(seed in any::<u64>()) {
        let mut store = history(seed);
        store.finished = store.scheduled;
        prop_assume!(store.revision > store.scheduled.unwrap_or(0));
        let mut answers = Vec::new();
        for progress in [0, store.revision / 3, store.revision / 2, i64::MAX] {
            let mut compacted = store.clone();
            compacted.compact(store.revision - 1, progress, true);
            let report = verify_in(&compacted.snapshot(&forge(seed)), 4096).unwrap();
            answers.push((report.status.total_keys, report.hash_kv));
        }
        // Without a live key, etcd hashes what is left, which depends on the progress.
        if answers[0].0 > 0 {
            prop_assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{:?}", answers);
        }
    }
}

/// What a small database reserves for notes (one block, one table) and rows (one block of each column), and one byte.
fn room_for_rows_only() -> Limits {
    let notes = (256 << 10) + (64 << 10);
    let rows = (128 << 10) + (64 << 10) + (32 << 10);
    Limits {
        ample: notes + rows + 1,
        ample_per_page: 0,
        ..Limits::default()
    }
}

#[test]
fn hash_kv_is_given_up_when_there_is_no_room_for_what_it_needs() {
    let snapshot = small_snapshot();
    let told = |ample| {
        let limits = Limits {
            ample,
            ample_per_page: 0,
            ..Limits::default()
        };
        verify_within(&snapshot, 1024, limits).unwrap().hash_kv
    };
    assert_eq!(
        told(room_for_rows_only().ample),
        oracle::report(&snapshot).hash_kv
    );
    assert_eq!(told(room_for_rows_only().ample - 1), None);
}

#[test]
fn an_empty_store_has_the_hash_of_nothing() {
    let report = verify_in(&Store::default().snapshot(&forge(1)), 1000).unwrap();
    assert_eq!((report.status.revision, report.status.total_keys), (0, 0));
    let expected = HashKv {
        hash: crc_fast::crc32_iscsi(b"key"),
        revision: 1,
        compact_revision: -1,
    };
    assert_eq!(report.hash_kv, Some(expected));
}

#[test]
fn counting_under_way_without_room_for_keys_says_so() {
    let mut store = Store::default();
    let mut random = Random::new(5);
    for _ in 0..50 {
        store.transaction(&mut random, 20, 2);
    }
    store.compact(40, 3, true);
    let limits = Limits {
        keys: 0,
        ..Limits::default()
    };
    let error = verify_within(&store.snapshot(&forge(5)), 1024, limits).unwrap_err();
    assert_eq!(error.reason(), "CompactionUnderWay");
}

/// A snapshot small enough for tests that are quadratic in its size.
pub(crate) fn small_snapshot() -> Vec<u8> {
    let mut store = Store::default();
    let mut random = Random::new(11);
    for _ in 0..40 {
        store.transaction(&mut random, 12, 2);
    }
    store.compact(20, i64::MAX, true);
    store.snapshot(&Forge {
        stale: 3,
        ..Forge::default()
    })
}
