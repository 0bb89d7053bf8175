//! Files that are not what they should be.

use etcd_backup_bolt::forge::{Forge, Pair, Random};
use etcd_backup_snapshot::inspect::{
    DiffOptions, InspectError, Limits, Selection, Snapshot, UsageOptions, diff,
};

use crate::store::{Store, revision};

fn open(file: &[u8]) -> Result<Snapshot<&[u8]>, InspectError> {
    Snapshot::from_source(file, Limits::default())
}

fn sample() -> Store {
    (0..999)
        .map(Store::random)
        .find(|store| store.left.len() > 60)
        .unwrap()
}

/// Asks everything there is to ask; the first error.
fn ask(file: &[u8]) -> Result<(), InspectError> {
    let snapshot = open(file)?;
    snapshot.counts()?;
    snapshot.get(b"plain0", None)?;
    for change in snapshot.history(b"plain0")? {
        change?;
    }
    for key in snapshot.keys(&Selection::default())? {
        key?;
    }
    snapshot.usage(&UsageOptions::default())?;
    for difference in diff(&snapshot, &snapshot, &DiffOptions::default())? {
        difference?;
    }
    Ok(())
}

#[test]
fn a_packed_file_is_named_with_what_to_do() {
    for (head, reason, words) in [
        (&b"\x28\xb5\x2f\xfd\x04"[..], "Compressed", "zstd -d"),
        (b"\x1f\x8b\x08", "Compressed", "gunzip"),
        (b"age-encryption.org/v1\n", "Encrypted", "age -d"),
        (b"-----BEGIN AGE ENCRYPTED FILE-----\n", "Encrypted", "age -d"),
    ] {
        let file = [head, &[7; 9000]].concat();
        let error = open(&file).unwrap_err();
        assert_eq!(error.reason(), reason, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn other_files_and_short_ones_are_told_apart() {
    let file = sample().file(&Forge::default());
    let reason = |file: &[u8]| open(file).unwrap_err().reason();
    assert_eq!(reason(b""), "Truncated");
    assert_eq!(reason(&file[..50]), "Truncated");
    assert_eq!(reason(&file[..file.len() - 1]), "Truncated");
    assert_eq!(reason(&[b'x'; 9000]), "NotAnEtcdSnapshot");
    let other = Forge::default().database(&[(b"stuff", Vec::new())]).bytes;
    assert_eq!(reason(&other), "NotAnEtcdSnapshot");
    let missing = Snapshot::open("/no/such/file").unwrap_err();
    assert_eq!(missing.reason(), "ReadFailed");
}

#[test]
fn with_or_without_its_checksum_it_is_the_same_database() {
    let store = sample();
    let plain = store.file(&Forge::default());
    let sealed = [plain.as_slice(), &[9; 32]].concat();
    let keys = |file: &[u8]| -> Vec<_> {
        let snapshot = open(file).unwrap();
        snapshot
            .keys(&Selection::default())
            .unwrap()
            .map(Result::unwrap)
            .collect()
    };
    assert_eq!(keys(&plain), keys(&sealed));
    assert_eq!(keys(&plain).len(), store.at(i64::MAX).len());
}

#[test]
fn records_that_etcd_could_not_read_end_every_answer() {
    let good: Vec<Pair> = sample().records();
    let (id, value) = good[10].clone();
    for (id, value) in [
        (id[..12].to_vec(), value.clone()),
        ([&id[..8], b"-", &id[9..]].concat(), value.clone()),
        ([&id[..17], b"tt"].concat(), value.clone()),
        (id.clone(), vec![0xff; 40]),
        (id.clone(), vec![8, 1]),
        (id, value[..3].to_vec()),
    ] {
        let mut records = good.clone();
        records[10] = (id, value);
        records.sort();
        let forged = Forge::default().database(&[(b"key", records), (b"meta", Vec::new())]);
        let snapshot = open(&forged.bytes).unwrap();
        let reasons = [
            snapshot.counts().unwrap_err().reason(),
            snapshot.get(b"plain0", None).unwrap_err().reason(),
            snapshot
                .history(b"x")
                .unwrap()
                .find_map(Result::err)
                .unwrap()
                .reason(),
            snapshot
                .keys(&Selection::default())
                .unwrap()
                .find_map(Result::err)
                .unwrap()
                .reason(),
            snapshot.usage(&UsageOptions::default()).unwrap_err().reason(),
            diff(&snapshot, &snapshot, &DiffOptions::default())
                .unwrap()
                .find_map(Result::err)
                .unwrap()
                .reason(),
        ];
        assert_eq!(reasons, ["CorruptRecord"; 6]);
        // After an error there is no more.
        let mut keys = snapshot.keys(&Selection::default()).unwrap();
        assert!(keys.next().unwrap().is_err());
        assert!(keys.next().is_none());
        let mut differences = diff(&snapshot, &snapshot, &DiffOptions::default()).unwrap();
        assert!(differences.next().unwrap().is_err());
        assert!(differences.next().is_none());
    }
}

#[test]
fn a_malformed_setting_is_named() {
    for (key, value) in [
        ("consistent_index", vec![1]),
        ("term", vec![0; 9]),
        ("finishedCompactRev", vec![1; 16]),
        ("scheduledCompactRev", Vec::new()),
    ] {
        let meta = vec![(key.as_bytes().to_vec(), value)];
        let forged = Forge::default().database(&[(b"key", sample().records()), (b"meta", meta)]);
        let error = open(&forged.bytes).unwrap_err();
        assert_eq!(error.reason(), "CorruptRecord");
        assert!(error.to_string().contains(key), "{error}");
    }
}

#[test]
fn the_record_of_a_bumped_revision_is_no_key() {
    let mut records = sample().records();
    let newest = 1_000_000_000;
    records.push((revision(newest, 0), Vec::new()));
    let meta = vec![(b"scheduledCompactRev".to_vec(), revision(newest, 0))];
    let forged = Forge::default().database(&[(b"key", records), (b"meta", meta)]);
    let snapshot = open(&forged.bytes).unwrap();
    assert_eq!(snapshot.header().revision, newest);
    assert_eq!(snapshot.header().compact_revision, newest);
    let keys = snapshot.keys(&Selection::default()).unwrap().count();
    assert_eq!(keys, sample().at(i64::MAX).len());
}

#[test]
fn no_damage_makes_it_panic() {
    let file = sample().file(&Forge {
        stale: 4,
        ..Forge::default()
    });
    let mut random = Random::new(7);
    let mut failed = 0;
    for _ in 0..1500 {
        let mut damaged = file.clone();
        for _ in 0..=random.below(4) {
            let at = 2048 + random.below(file.len() - 2048);
            damaged[at] ^= 1 << random.below(8);
        }
        failed += usize::from(ask(&damaged).is_err());
    }
    assert!(failed > 300, "{failed}");
    ask(&file).unwrap();
}
