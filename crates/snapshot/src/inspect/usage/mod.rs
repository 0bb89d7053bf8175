//! What fills a database.

mod report;

use std::collections::BTreeMap;

use etcd_backup_bolt::walk::ReadAt;

pub use report::{EncryptionUse, KeyUsage, Sizes, Usage, UsageGroup};

use crate::inspect::Snapshot;
use crate::inspect::error::InspectError;
use crate::inspect::groups::{Groups, Sum, Top};
use crate::inspect::keys::Selection;
use crate::inspect::kubernetes::{KindId, Kinds, ValueKind, encryption, resource};
use crate::inspect::records::Record;
use crate::inspect::sorted::{Fold, Sorted};
use crate::inspect::text::UserKey;

/// How to break down what fills a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageOptions {
    /// Only keys that start with this.
    pub prefix: Vec<u8>,
    /// After how many segments of a key, between slashes, a prefix ends: 2 gives `/registry/pods/`. Default 2.
    pub depth: usize,
    /// How many groups of each kind to name; the others are summed. Default 1000.
    pub groups: usize,
    /// How many of the largest and the most often changed keys to name. Default 20.
    pub top: usize,
}

impl Default for UsageOptions {
    fn default() -> Self {
        Self {
            prefix: Vec::new(),
            depth: 2,
            groups: 1000,
            top: 20,
        }
    }
}

impl<R: ReadAt> Snapshot<R> {
    /// Sums up what fills the database, live and with history. Exact, in bounded memory; as many passes as the distinct
    /// keys of the history fill windows ([`Limits::window`](super::Limits::window)).
    pub fn usage(&self, options: &UsageOptions) -> Result<Usage, InspectError> {
        let selection = Selection {
            prefix: options.prefix.clone(),
            ..Selection::default()
        };
        let mut sorted = Sorted::new(self, self.range(&selection)?, Tally::default());
        let mut report = Report::new(options);
        while let Some(next) = sorted.next() {
            let (key, state) = next?;
            let encrypted = state.live.as_ref().and_then(|live| live.encrypted);
            report.add(&key, &state, encrypted.map(|kind| sorted.fold.kinds.kind(kind)));
        }
        Ok(report.finish())
    }
}

/// What is kept of a key: all its records, and the live one.
#[derive(Debug, Default)]
struct State {
    records: u64,
    bytes: u64,
    live: Option<Live>,
}

#[derive(Debug)]
struct Live {
    bytes: u64,
    encrypted: Option<KindId>,
}

#[derive(Debug, Default)]
struct Tally {
    kinds: Kinds,
}

impl Fold for Tally {
    type State = State;

    fn fold(&mut self, state: &mut Option<State>, record: &Record<'_>) {
        let state = state.get_or_insert_default();
        state.records = state.records.saturating_add(1);
        state.bytes = state.bytes.saturating_add(record.stored);
        state.live = (!record.deletion).then(|| Live {
            bytes: record.stored,
            encrypted: encryption(record.put.value).map(|_| self.kinds.id(record.put.value)),
        });
    }
}

/// The report in the making.
struct Report {
    depth: usize,
    total: Sizes,
    resources: Groups<Sizes>,
    elsewhere: Sizes,
    prefixes: Groups<Sizes>,
    largest: Top<Vec<u8>, KeyUsage>,
    most_changed: Top<Vec<u8>, KeyUsage>,
    encryption: BTreeMap<(String, Option<String>), u64>,
}

impl Report {
    fn new(options: &UsageOptions) -> Self {
        Self {
            depth: options.depth,
            total: Sizes::default(),
            resources: Groups::new(options.groups),
            elsewhere: Sizes::default(),
            prefixes: Groups::new(options.groups),
            largest: Top::new(options.top),
            most_changed: Top::new(options.top),
            encryption: BTreeMap::new(),
        }
    }

    fn add(&mut self, key: &[u8], state: &State, encrypted: Option<ValueKind>) {
        let live_bytes = state.live.as_ref().map_or(0, |live| live.bytes);
        let sizes = Sizes {
            keys: u64::from(state.live.is_some()),
            live_bytes,
            records: state.records,
            bytes: state.bytes,
            encrypted_keys: u64::from(encrypted.is_some()),
        };
        self.total.add(&sizes);
        match resource(key) {
            Some(resource) => self.resources.add(resource, &sizes),
            None => self.elsewhere.add(&sizes),
        }
        let prefix = UserKey(prefix(key, self.depth).to_vec());
        self.prefixes.add(&prefix.to_string(), &sizes);
        let usage = || KeyUsage {
            key: UserKey(key.to_vec()),
            live_bytes,
            records: state.records,
            bytes: state.bytes,
        };
        if self.largest.wants(live_bytes) {
            self.largest.offer(live_bytes, key.to_vec(), usage());
        }
        if self.most_changed.wants(state.records) {
            self.most_changed.offer(state.records, key.to_vec(), usage());
        }
        if let Some(ValueKind::Encrypted { provider, key_name }) = encrypted {
            let keys = self.encryption.entry((provider, key_name)).or_default();
            *keys = keys.saturating_add(1);
        }
    }

    fn finish(mut self) -> Usage {
        let named = |groups: Vec<(String, Sizes)>| {
            let group = |(name, sizes)| UsageGroup { name, sizes };
            groups.into_iter().map(group).collect()
        };
        let (resources, others) = self.resources.finish();
        self.elsewhere.add(&others);
        let (prefixes, other_prefixes) = self.prefixes.finish();
        Usage {
            total: self.total,
            resources: named(resources),
            other_resources: self.elsewhere,
            prefixes: named(prefixes),
            other_prefixes,
            largest: self.largest.into_descending().map(|(_, usage)| usage).collect(),
            most_changed: self
                .most_changed
                .into_descending()
                .map(|(_, usage)| usage)
                .collect(),
            encryption: self
                .encryption
                .into_iter()
                .map(|((provider, key_name), keys)| EncryptionUse {
                    kind: ValueKind::Encrypted { provider, key_name },
                    keys,
                })
                .collect(),
        }
    }
}

/// A key up to and including the slash behind its `depth`th segment; the whole key if it has no such slash. A slash at the
/// beginning ends no segment.
fn prefix(key: &[u8], depth: usize) -> &[u8] {
    let slashes = key.iter().enumerate().skip(1).filter(|(_, byte)| **byte == b'/');
    let end = match depth.checked_sub(1) {
        Some(before) => slashes.map(|(at, _)| at).nth(before),
        None => return &[],
    };
    end.and_then(|at| key.get(..=at)).unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_behind_a_slash() {
        let prefix = |key: &'static str, depth| std::str::from_utf8(prefix(key.as_bytes(), depth)).unwrap();
        for (depth, expected) in [
            (0, ""),
            (1, "/registry/"),
            (2, "/registry/pods/"),
            (3, "/registry/pods/a/"),
            (4, "/registry/pods/a/b"),
        ] {
            assert_eq!(prefix("/registry/pods/a/b", depth), expected);
        }
        assert_eq!(prefix("a/b/c", 1), "a/");
        assert_eq!(prefix("compact_rev_key", 1), "compact_rev_key");
        assert_eq!(prefix("", 3), "");
    }
}
