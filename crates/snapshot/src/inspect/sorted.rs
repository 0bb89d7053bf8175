//! Keys in order, out of a history in the order of revisions, in bounded memory.
//!
//! Each pass over the history keeps the smallest keys that fit into the window and folds every record of theirs into one
//! state a key; the keys that do not fit are let go, largest first, and left to the next pass, which begins where this one
//! ended. So the answer is exact (no key is known by a hash), sorted, and needs the memory of the window. It costs one pass
//! for each window full of keys: one for most clusters, and never more than the distinct keys of the history fill.

use std::collections::{BTreeMap, btree_map};

use etcd_backup_bolt::walk::ReadAt;

use super::Snapshot;
use super::error::InspectError;
use super::records::Record;

/// What is kept of a key.
pub(super) trait Fold {
    type State;

    /// Takes the next record of a key into what is known of it; leaving `None` forgets the key.
    fn fold(&mut self, state: &mut Option<Self::State>, record: &Record<'_>);
}

/// Which records to look at.
#[derive(Debug, Clone)]
pub(super) struct Range {
    /// Keys that start with this.
    pub(super) prefix: Vec<u8>,
    /// Keys that are greater.
    pub(super) after: Option<Vec<u8>>,
    /// Records up to and including this main revision.
    pub(super) revision: i64,
}

type Window<T> = BTreeMap<Box<[u8]>, Option<T>>;

/// What a pass yields: the states of the smallest keys, and the first key that they left out.
type Pass<T> = (Window<T>, Option<Box<[u8]>>);

/// An iterator over keys in ascending order, with their states.
#[derive(Debug)]
pub(super) struct Sorted<'s, R, F: Fold> {
    snapshot: &'s Snapshot<R>,
    range: Range,
    pub(super) fold: F,
    window: btree_map::IntoIter<Box<[u8]>, Option<F::State>>,
    /// Where the next pass begins; `None` when there is none.
    from: Option<Vec<u8>>,
}

impl<'s, R: ReadAt, F: Fold> Sorted<'s, R, F> {
    pub(super) fn new(snapshot: &'s Snapshot<R>, range: Range, fold: F) -> Self {
        // The smallest key that is greater than `after` is `after` and a zero.
        let after = range.after.as_ref().map(|after| [after, &[0][..]].concat());
        Self {
            snapshot,
            from: Some(after.unwrap_or_default().max(range.prefix.clone())),
            range,
            fold,
            window: BTreeMap::new().into_iter(),
        }
    }

    /// One pass over the keys from `from` on.
    fn pass(&mut self, from: &[u8]) -> Result<Pass<F::State>, InspectError> {
        let mut window = Window::new();
        let mut cut: Option<Box<[u8]>> = None;
        let (mut taken, budget) = (0_u64, self.snapshot.limits.window);
        let mut records = self.snapshot.records(self.range.revision)?;
        while let Some(record) = records.next()? {
            let key = record.put.key;
            // etcd has no empty key; `restore --bump-revision` leaves a record without one.
            let beyond = cut.as_deref().is_some_and(|cut| key >= cut);
            if key.is_empty() || beyond || key < from || !key.starts_with(&self.range.prefix) {
                continue;
            }
            if let Some(state) = window.get_mut(key) {
                self.fold.fold(state, &record);
                if state.is_none() {
                    window.remove(key);
                    taken = taken.saturating_sub(cost::<F::State>(key));
                }
                continue;
            }
            let mut state = None;
            self.fold.fold(&mut state, &record);
            if state.is_none() {
                continue;
            }
            taken = taken.saturating_add(cost::<F::State>(key));
            window.insert(key.into(), state);
            while taken > budget
                && window.len() > 1
                && let Some((last, _)) = window.pop_last()
            {
                taken = taken.saturating_sub(cost::<F::State>(&last));
                cut = Some(last);
            }
        }
        Ok((window, cut))
    }
}

/// Bytes that a key takes in the window: itself and its state, in nodes of a B-tree that are two thirds full, and what the
/// allocator adds.
fn cost<T>(key: &[u8]) -> u64 {
    let entry = size_of::<(Box<[u8]>, Option<T>)>();
    let nodes = entry.saturating_add(entry / 2);
    let bytes = key.len().saturating_add(nodes).saturating_add(24);
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

impl<R: ReadAt, F: Fold> Iterator for Sorted<'_, R, F> {
    type Item = Result<(Box<[u8]>, F::State), InspectError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            for (key, state) in self.window.by_ref() {
                if let Some(state) = state {
                    return Some(Ok((key, state)));
                }
            }
            let from = self.from.take()?;
            match self.pass(&from) {
                Ok((window, cut)) => {
                    self.window = window.into_iter();
                    self.from = cut.map(Vec::from);
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
