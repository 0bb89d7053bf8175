//! The slow reader: everything in memory, key by key, in the words of etcd's own code.

use std::collections::{BTreeMap, BTreeSet};

use etcd_backup_bolt::Limits;
use etcd_backup_bolt::read::{BucketItems, Database};
use etcd_backup_snapshot::{HashKv, Report, Revision, Status};
use sha2::{Digest, Sha256};

/// What a verifier should report of a sound snapshot.
pub(crate) fn report(snapshot: &[u8]) -> Report {
    let database = Database::open(snapshot, &Limits::default()).unwrap();
    let buckets = database.load().unwrap();
    let keys = &bucket(&buckets, b"key").unwrap().items;
    let records: Vec<Record> = keys
        .iter()
        .map(|item| Record::read(item.key, item.value))
        .collect();
    let setting = |name: &[u8], key: &str| {
        let items = &bucket(&buckets, name)?.items;
        items
            .iter()
            .find(|item| item.key == key.as_bytes())
            .map(|item| item.value.to_vec())
    };
    let text = |name, key| setting(name, key).map(|value| String::from_utf8(value).unwrap());
    let number = |key| setting(b"meta", key).map_or(0, |value| u64::from_be_bytes(value.try_into().unwrap()));
    let revision = |key| setting(b"meta", key).map(|value| Revision::from_value(&value).unwrap().main);
    let (scheduled, finished) = (revision("scheduledCompactRev"), revision("finishedCompactRev"));

    Report {
        size: snapshot.len() as u64,
        sha256: Sha256::digest(snapshot).into(),
        status: Status {
            hash: hash(&buckets),
            revision: records.last().map_or(0, |record| record.revision.main),
            total_keys: seen_keys(&records).len() as u64,
            total_items: buckets.iter().map(|bucket| bucket.items.len() as u64).sum(),
            total_size: database.meta().database_bytes(),
            storage_version: text(b"meta", "storageVersion"),
        },
        hash_kv: Some(hash_kv(&records, scheduled.max(finished).unwrap_or(-1))),
        page_size: database.meta().page_size,
        compact_revision: finished.unwrap_or(0),
        raft_index: number("consistent_index"),
        raft_term: number("term"),
        cluster_version: text(b"cluster", "clusterVersion"),
        downgrade_target: None,
    }
}

fn bucket<'a, 'b>(buckets: &'b [BucketItems<'a>], name: &[u8]) -> Option<&'b BucketItems<'a>> {
    buckets.iter().find(|bucket| bucket.name == name)
}

/// `v3Manager.Status`: one CRC over everything.
fn hash(buckets: &[BucketItems<'_>]) -> u32 {
    let mut bytes = Vec::new();
    for bucket in buckets {
        bytes.extend_from_slice(bucket.name);
        for item in &bucket.items {
            bytes.extend_from_slice(item.key);
            bytes.extend_from_slice(item.value);
        }
    }
    crc_fast::crc32_iscsi(&bytes)
}

/// A record of bucket `key`.
pub(crate) struct Record {
    revision: Revision,
    tombstone: bool,
    key: Vec<u8>,
    bytes: Vec<u8>,
}

impl Record {
    fn read(key: &[u8], value: &[u8]) -> Self {
        let (revision, tombstone) = Revision::of_record(key).unwrap();
        Self {
            revision,
            tombstone,
            key: user_key(value),
            bytes: [key, value].concat(),
        }
    }
}

/// Field 1 of a `mvccpb.KeyValue`, which etcd writes first; lengths below 16384.
fn user_key(value: &[u8]) -> Vec<u8> {
    match value {
        [10, length, rest @ ..] if *length < 128 => rest[..usize::from(*length)].to_vec(),
        [10, low, high, rest @ ..] => rest[..usize::from(low & 0x7f) + 128 * usize::from(*high)].to_vec(),
        _ => Vec::new(),
    }
}

/// `v3Manager.Status` of 3.6: a set that puts enter and deletions leave.
fn seen_keys(records: &[Record]) -> BTreeSet<&[u8]> {
    let mut seen = BTreeSet::new();
    for record in records {
        if record.tombstone {
            seen.remove(record.key.as_slice());
        } else {
            seen.insert(record.key.as_slice());
        }
    }
    seen
}

/// `unsafeHashByRev` at the newest revision, with what `treeIndex.Keep` keeps: the last record of each live key.
fn hash_kv(records: &[Record], compacted: i64) -> HashKv {
    let mut last: BTreeMap<&[u8], &Record> = BTreeMap::new();
    for record in records {
        last.insert(&record.key, record);
    }
    let keep: BTreeSet<Revision> = last
        .values()
        .filter(|record| !record.tombstone)
        .map(|record| record.revision)
        .collect();
    let mut bytes = b"key".to_vec();
    for record in records {
        let main = record.revision.main;
        let doomed = main <= compacted && !keep.is_empty() && !keep.contains(&record.revision);
        if doomed || (main == compacted && record.tombstone) {
            continue;
        }
        bytes.extend_from_slice(&record.bytes);
    }
    let newest = records.last().map_or(1, |record| record.revision.main);
    HashKv {
        hash: crc_fast::crc32_iscsi(&bytes),
        revision: newest.max(compacted),
        compact_revision: compacted,
    }
}
