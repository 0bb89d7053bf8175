//! What changed between two snapshots.

mod report;

use std::hash::{BuildHasher, RandomState};
use std::iter::Peekable;

use etcd_backup_bolt::walk::ReadAt;

pub use report::{DiffCounts, DiffGroup, DiffSummary, Difference, DifferenceKind, KeyVersion};

use crate::inspect::Snapshot;
use crate::inspect::error::InspectError;
use crate::inspect::groups::{Groups, Sum};
use crate::inspect::keys::Selection;
use crate::inspect::kubernetes::{KubernetesPath, resource};
use crate::inspect::records::Record;
use crate::inspect::sorted::{Fold, Sorted};
use crate::inspect::text::UserKey;

/// What to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffOptions {
    /// Only keys that start with this.
    pub prefix: Vec<u8>,
    /// The main revision of the first snapshot, the newest if `None`.
    pub before: Option<i64>,
    /// The main revision of the second, the newest if `None`.
    pub after: Option<i64>,
    /// How many resources to name in the [summary](Differences::summary); the others are summed. Default 1000.
    pub groups: usize,
}

impl Default for DiffOptions {
    fn default() -> Self {
        Self {
            prefix: Vec::new(),
            before: None,
            after: None,
            groups: 1000,
        }
    }
}

/// Compares two snapshots, key by key in ascending order, in the memory of two windows
/// ([`Limits::window`](super::Limits::window)).
///
/// Values are compared by a hash of 64 bits with a secret key, so two values in 10^19 are taken for one. The snapshots may
/// be of one cluster or of two, of different versions, and may be the same one at two revisions. A value encrypted at rest
/// is another value when it was encrypted again.
pub fn diff<'s, A: ReadAt, B: ReadAt>(
    before: &'s Snapshot<A>,
    after: &'s Snapshot<B>,
    options: &DiffOptions,
) -> Result<Differences<'s, A, B>, InspectError> {
    let hasher = RandomState::new();
    let selection = |revision| Selection {
        prefix: options.prefix.clone(),
        after: None,
        revision,
    };
    let before_range = before.range(&selection(options.before))?;
    let after_range = after.range(&selection(options.after))?;
    Ok(Differences {
        before: Sorted::new(before, before_range, Latest(hasher.clone())).peekable(),
        after: Sorted::new(after, after_range, Latest(hasher)).peekable(),
        summary: DiffSummary::default(),
        resources: Groups::new(options.groups),
        elsewhere: DiffCounts::default(),
        ended: false,
    })
}

/// Iterator over the keys that are not the same: see [`diff`]. After an error there are no more.
#[derive(Debug)]
pub struct Differences<'s, A: ReadAt, B: ReadAt> {
    before: Peekable<Sorted<'s, A, Latest>>,
    after: Peekable<Sorted<'s, B, Latest>>,
    summary: DiffSummary,
    resources: Groups<DiffCounts>,
    elsewhere: DiffCounts,
    ended: bool,
}

/// Keeps the last put of a key that was not deleted since.
#[derive(Debug)]
struct Latest(RandomState);

#[derive(Debug)]
struct Side {
    version: KeyVersion,
    hash: u64,
}

impl Fold for Latest {
    type State = Side;

    fn fold(&mut self, state: &mut Option<Side>, record: &Record<'_>) {
        *state = (!record.deletion).then(|| Side {
            version: KeyVersion {
                create_revision: record.put.create_revision,
                mod_revision: record.revision.main,
                version: record.put.version,
                value_bytes: u64::try_from(record.put.value.len()).unwrap_or(u64::MAX),
            },
            hash: self.0.hash_one(record.put.value),
        });
    }
}

/// The next key of either side, with what each says of it.
type Pair = (Box<[u8]>, Option<Side>, Option<Side>);

impl<A: ReadAt, B: ReadAt> Differences<'_, A, B> {
    /// The numbers, when the iterator has come to its end; before that, those of the keys so far.
    pub fn summary(self) -> DiffSummary {
        let (groups, others) = self.resources.finish();
        let mut summary = self.summary;
        summary.other_resources = self.elsewhere;
        summary.other_resources.add(&others);
        let group = |(name, counts)| DiffGroup { name, counts };
        summary.resources = groups.into_iter().map(group).collect();
        summary
    }

    fn pair(&mut self) -> Result<Option<Pair>, InspectError> {
        let order = match (self.before.peek(), self.after.peek()) {
            (None, None) => return Ok(None),
            (Some(Err(_)), _) | (Some(_), None) => std::cmp::Ordering::Less,
            (_, Some(Err(_))) | (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(Ok((before, _))), Some(Ok((after, _)))) => before.cmp(after),
        };
        let before = if order.is_le() {
            self.before.next().transpose()?
        } else {
            None
        };
        let after = if order.is_ge() {
            self.after.next().transpose()?
        } else {
            None
        };
        Ok(match (before, after) {
            (Some((key, before)), after) => Some((key, Some(before), after.map(|(_, after)| after))),
            (None, Some((key, after))) => Some((key, None, Some(after))),
            (None, None) => None,
        })
    }

    /// Counts a key; returns what happened to it, if anything.
    fn compare(&mut self, key: &[u8], before: Option<&Side>, after: Option<&Side>) -> Option<DifferenceKind> {
        let one_more = |count: &mut u64| *count = count.saturating_add(1);
        let kind = match (before, after) {
            (Some(before), Some(after)) => {
                let same_revision = before.version.mod_revision == after.version.mod_revision;
                if before.hash == after.hash && before.version.value_bytes == after.version.value_bytes {
                    one_more(if same_revision {
                        &mut self.summary.unchanged
                    } else {
                        &mut self.summary.rewritten
                    });
                    return None;
                }
                if same_revision {
                    one_more(&mut self.summary.diverged);
                }
                DifferenceKind::Changed
            }
            (None, _) => DifferenceKind::Added,
            (Some(_), None) => DifferenceKind::Removed,
        };
        let mut counts = DiffCounts::default();
        one_more(match kind {
            DifferenceKind::Added => &mut counts.added,
            DifferenceKind::Removed => &mut counts.removed,
            DifferenceKind::Changed => &mut counts.changed,
        });
        self.summary.total.add(&counts);
        match resource(key) {
            Some(resource) => self.resources.add(resource, &counts),
            None => self.elsewhere.add(&counts),
        }
        Some(kind)
    }
}

impl<A: ReadAt, B: ReadAt> Iterator for Differences<'_, A, B> {
    type Item = Result<Difference, InspectError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let (key, before, after) = match self.pair() {
                Ok(Some(pair)) => pair,
                Ok(None) => break,
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            };
            if let Some(kind) = self.compare(&key, before.as_ref(), after.as_ref()) {
                return Some(Ok(Difference {
                    kubernetes: KubernetesPath::of(&key),
                    key: UserKey(key.into()),
                    kind,
                    before: before.map(|side| side.version),
                    after: after.map(|side| side.version),
                }));
            }
        }
        self.ended = true;
        None
    }
}
