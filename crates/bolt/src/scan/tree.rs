//! What a proved database holds, in key order.

use std::ops::Range;

use crate::ledger::{Ledger, Note, NotePlace};
use crate::meta::Meta;

/// A database whose structure was proved: its buckets in key order, and the memos of their leaves.
#[derive(Debug)]
pub struct Tree {
    pub(super) meta: Meta,
    pub(super) ledger: Ledger,
    pub(super) order: Vec<NotePlace>,
    pub(super) buckets: Vec<BucketTree>,
}

/// One bucket.
#[derive(Debug)]
pub struct BucketTree {
    name: Vec<u8>,
    sequence: u64,
    leaves: Leaves,
}

#[derive(Debug)]
pub(super) enum Leaves {
    Inline { items: usize, memo: Vec<u8> },
    Pages(Range<usize>),
}

/// What is left of one leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeafMemo<'a> {
    /// Number of keys in it.
    pub items: usize,
    /// What [`LeafVisitor::leaf`](super::LeafVisitor::leaf) appended.
    pub memo: &'a [u8],
}

impl Tree {
    /// The meta page in force.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The buckets in key order.
    pub fn buckets(&self) -> &[BucketTree] {
        &self.buckets
    }

    /// A bucket by name.
    pub fn bucket(&self, name: &[u8]) -> Option<&BucketTree> {
        self.buckets.iter().find(|bucket| bucket.name == name)
    }

    /// The leaves of a bucket of this tree, in key order.
    pub fn leaves<'a>(
        &'a self,
        bucket: &'a BucketTree,
    ) -> impl DoubleEndedIterator<Item = LeafMemo<'a>> + use<'a> {
        let (inline, pages) = match &bucket.leaves {
            Leaves::Inline { items, memo } => (Some(LeafMemo { items: *items, memo }), 0..0),
            Leaves::Pages(range) => (None, range.clone()),
        };
        let places = self.order.get(pages).unwrap_or_default();
        let (mut first, mut last) = (Vec::new(), Vec::new());
        let from_pages = places.iter().filter_map(move |place| {
            let Note::Leaf { leaf, .. } = self.ledger.read(*place)? else {
                return None;
            };
            Some(LeafMemo {
                items: leaf.items,
                memo: leaf.read(&mut first, &mut last)?,
            })
        });
        inline.into_iter().chain(from_pages)
    }
}

impl BucketTree {
    pub(super) fn new(name: Vec<u8>, sequence: u64, leaves: Leaves) -> Self {
        Self {
            name,
            sequence,
            leaves,
        }
    }

    /// The bucket's name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The bucket's own counter (`Bucket.NextSequence`).
    pub fn sequence(&self) -> u64 {
        self.sequence
    }
}
