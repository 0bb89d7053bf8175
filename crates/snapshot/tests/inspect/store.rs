//! A plain model of an etcd store: its whole history in a map, and snapshots of it.

use std::collections::BTreeMap;

use etcd_backup_bolt::forge::{Forge, Pair, Random};
use etcd_backup_bolt::varint;
use etcd_backup_snapshot::inspect::{Limits, Snapshot};

use crate::kubernetes::{cbor, encrypted, json, protobuf};

/// What a key was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Put {
    pub(crate) create: i64,
    pub(crate) version: i64,
    pub(crate) lease: i64,
    pub(crate) value: Vec<u8>,
}

/// A change: of which key, and to what, or its deletion.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) key: Vec<u8>,
    pub(crate) put: Option<Put>,
}

/// The keys at some revision: when each was last changed, and to what.
pub(crate) type State = BTreeMap<Vec<u8>, (i64, Put)>;

/// A history by main and sub revision.
#[derive(Debug, Clone, Default)]
pub(crate) struct Store {
    pub(crate) events: BTreeMap<(i64, i64), Event>,
    /// The same after compaction: what a snapshot holds.
    pub(crate) left: BTreeMap<(i64, i64), Event>,
    pub(crate) revision: i64,
    pub(crate) compacted: i64,
    live: State,
}

impl Store {
    /// Gives keys a value each, or deletes them where there is none, in one transaction.
    pub(crate) fn transaction(&mut self, changes: Vec<(Vec<u8>, Option<Vec<u8>>)>) {
        let main = self.revision.max(1) + 1;
        let mut sub = 0;
        for (key, value) in changes {
            let before = self.live.get(&key);
            let put = match (value, before) {
                (None, None) => continue,
                (None, Some(_)) => None,
                (Some(value), before) => Some(Put {
                    create: before.map_or(main, |(_, put)| put.create),
                    version: before.map_or(1, |(_, put)| put.version + 1),
                    lease: i64::from(key[key.len() - 1] & 1) * 77,
                    value,
                }),
            };
            match &put {
                Some(put) => drop(self.live.insert(key.clone(), (main, put.clone()))),
                None => drop(self.live.remove(&key)),
            }
            let event = Event { key, put };
            self.events.insert((main, sub), event.clone());
            self.left.insert((main, sub), event);
            sub += 1;
            self.revision = main;
        }
    }

    /// Removes what was replaced at `to`.
    pub(crate) fn compact(&mut self, to: i64) {
        let kept: Vec<i64> = self.at(to).values().map(|(main, _)| *main).collect();
        let state = self.at(to);
        self.left.retain(|(main, _), event| {
            *main > to || (kept.contains(main) && state.get(&event.key).is_some_and(|(at, _)| at == main))
        });
        self.compacted = to;
    }

    /// The keys at a revision.
    pub(crate) fn at(&self, revision: i64) -> State {
        let mut state = State::new();
        for ((main, _), event) in self.events.range(..=(revision, i64::MAX)) {
            match &event.put {
                Some(put) => drop(state.insert(event.key.clone(), (*main, put.clone()))),
                None => drop(state.remove(&event.key)),
            }
        }
        state
    }

    /// Records as they lie in bucket `key`.
    pub(crate) fn records(&self) -> Vec<Pair> {
        let records = self.left.iter().map(|((main, sub), event)| {
            let mut id = revision(*main, *sub);
            if event.put.is_none() {
                id.push(b't');
            }
            (id, key_value(*main, event))
        });
        records.collect()
    }

    pub(crate) fn file(&self, forge: &Forge) -> Vec<u8> {
        let mut meta = vec![(b"consistent_index".to_vec(), 9_u64.to_be_bytes().to_vec())];
        if self.compacted > 0 {
            meta.push((b"finishedCompactRev".to_vec(), revision(self.compacted, 0)));
            meta.push((b"scheduledCompactRev".to_vec(), revision(self.compacted, 0)));
        }
        let database = forge.database(&[
            (b"cluster", vec![(b"clusterVersion".to_vec(), b"3.6.0".to_vec())]),
            (b"key", self.records()),
            (b"meta", meta),
        ]);
        database.bytes
    }

    pub(crate) fn snapshot(&self, forge: &Forge, window: u64) -> Snapshot<Vec<u8>> {
        let limits = Limits {
            window,
            ..Limits::default()
        };
        Snapshot::from_source(self.file(forge), limits).unwrap()
    }

    /// Any history: of a few keys of every kind, perhaps compacted.
    pub(crate) fn random(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut store = Self::default();
        let keys = 1 + random.below(30);
        let deletions = random.below(6);
        for _ in 0..random.below(120) {
            let mut changes: BTreeMap<Vec<u8>, Option<Vec<u8>>> = BTreeMap::new();
            for _ in 0..=random.below(3) {
                let value = (random.below(10) >= deletions).then(|| value(&mut random));
                changes.insert(key(random.below(keys)), value);
            }
            store.transaction(changes.into_iter().collect());
        }
        if random.below(2) == 0 && store.revision > 3 {
            let to = 2 + random.below(usize::try_from(store.revision - 2).unwrap());
            store.compact(i64::try_from(to).unwrap());
        }
        store
    }
}

fn key(number: usize) -> Vec<u8> {
    let name = number / 5;
    match number % 5 {
        0 => format!("/registry/pods/ns{}/p{name}", name % 2).into_bytes(),
        1 => format!("/registry/secrets/default/s{name}").into_bytes(),
        2 => format!("/registry/example.com/things/t{name}").into_bytes(),
        3 => format!("plain{name}").into_bytes(),
        _ => [b"\xff\x00".to_vec(), vec![u8::try_from(name).unwrap()]].concat(),
    }
}

fn value(random: &mut Random) -> Vec<u8> {
    let tail = format!("{}", random.number());
    match random.below(6) {
        0 => protobuf("v1", "Pod", "default", &tail),
        1 => json("example.com/v1", "Thing", "default", &tail),
        2 => encrypted("aescbc", &format!("key{}", random.below(2)), tail.as_bytes()),
        3 => cbor(tail.as_bytes()),
        4 => Vec::new(),
        _ => {
            let length = random.below(60);
            random.bytes(length)
        }
    }
}

pub(crate) fn revision(main: i64, sub: i64) -> Vec<u8> {
    [&main.to_be_bytes()[..], b"_", &sub.to_be_bytes()].concat()
}

fn key_value(main: i64, event: &Event) -> Vec<u8> {
    let mut bytes = Vec::new();
    let field = |bytes: &mut Vec<u8>, tag: u8, part: &[u8]| {
        bytes.push(tag);
        varint::write(bytes, part.len() as u64);
        bytes.extend(part);
    };
    field(&mut bytes, 10, &event.key);
    if let Some(put) = &event.put {
        for (tag, number) in [(16, put.create), (24, main), (32, put.version)] {
            bytes.push(tag);
            varint::write(&mut bytes, number.unsigned_abs());
        }
        field(&mut bytes, 42, &put.value);
        if put.lease != 0 {
            bytes.push(48);
            varint::write(&mut bytes, put.lease.unsigned_abs());
        }
    }
    bytes
}
