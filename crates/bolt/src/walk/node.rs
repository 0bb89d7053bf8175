//! One node in memory.

use super::{Bolt, Reached, ReadAt};
use crate::error::BoltError;
use crate::page::{self, BRANCH, Branch, Flaw, Header, Item, LEAF, Leaf};

/// A node that was found sound, in a buffer that serves one node after the other.
#[derive(Debug, Default)]
pub(super) struct Node {
    bytes: Vec<u8>,
    /// Bytes of the node; the buffer may be longer.
    length: usize,
    pub(super) count: usize,
}

/// What a node turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Branch,
    /// A leaf, and whether its entries are buckets.
    Leaf {
        buckets: bool,
    },
}

impl Node {
    /// Reads and checks the node at a page: it exists, says that it is where it is, is a branch or a leaf, lies within the
    /// database with all its overflow, and is sound by itself. Two reads when it has overflow, one otherwise. Where its pages
    /// may be reached but once, none is read that was.
    pub(super) fn load<R: ReadAt>(
        &mut self,
        bolt: &Bolt<R>,
        page: u64,
        reached: Option<&mut Reached>,
    ) -> Result<Kind, BoltError> {
        let pages = bolt.meta.pages;
        if page < 2 || page >= pages {
            return Err(BoltError::OutOfBounds { page, pages });
        }
        if let Some(reached) = &reached {
            reached.refuse(page)?;
        }
        let flawed = |flaw| BoltError::Page { page, flaw };
        let page_size = u64::from(bolt.meta.page_size);
        let start = page.saturating_mul(page_size);
        let first = self.room(page_size).ok_or(flawed(Flaw::TooLarge))?;
        read(&bolt.source, first, start, page)?;
        let header = Header::parse(first).ok_or(flawed(Flaw::DoesNotFit))?;
        if header.id != page || !matches!(header.flags, BRANCH | LEAF) {
            return Err(BoltError::NotANode { page });
        }
        if page.saturating_add(header.pages()) > pages {
            return Err(flawed(Flaw::PastTheEnd));
        }
        let length = header.pages().saturating_mul(page_size);
        if length > bolt.limits.node_bytes.max(page_size) {
            return Err(flawed(Flaw::TooLarge));
        }
        if let Some(reached) = reached {
            reached.mark(page, &header)?;
        }
        if header.overflow > 0 {
            let (_, rest) = self
                .room(length)
                .and_then(|node| node.split_at_mut_checked(usize::try_from(page_size).ok()?))
                .ok_or(flawed(Flaw::TooLarge))?;
            read(&bolt.source, rest, start.saturating_add(page_size), page)?;
        }
        self.count = usize::from(header.count);
        let kind = if header.flags == BRANCH {
            Branch::parse(self.bytes()).map(|_| Kind::Branch)
        } else {
            Leaf::parse(self.bytes()).map(|leaf| Kind::Leaf {
                buckets: leaf.holds_buckets(),
            })
        };
        kind.map_err(flawed)
    }

    /// Takes the leaf of an inline bucket, which was checked already.
    pub(super) fn inline(&mut self, leaf: &[u8]) {
        self.copy(leaf);
        self.count = Header::parse(leaf).map_or(0, |header| usize::from(header.count));
    }

    /// Becomes a copy of another.
    pub(super) fn clone_from(&mut self, other: &Self) {
        self.copy(other.bytes());
        self.count = other.count;
    }

    fn copy(&mut self, bytes: &[u8]) {
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
        self.length = bytes.len();
    }

    pub(super) fn length(&self) -> usize {
        self.length
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// An entry, if it is a leaf and has so many.
    pub(super) fn item(&self, index: usize) -> Option<Item<'_>> {
        (index < self.count).then(|| page::item_at(self.bytes(), index))?
    }

    /// A child and the first key it may hold, if it is a branch and has so many.
    pub(super) fn child(&self, index: usize) -> Option<(&[u8], u64)> {
        (index < self.count).then(|| page::child_at(self.bytes(), index))?
    }

    /// The first entry of a leaf whose key is not below `key`.
    pub(super) fn first_item_from(&self, key: &[u8]) -> usize {
        self.partition(|node, index| node.item(index).is_some_and(|item| item.key < key))
    }

    /// The child of a branch under which a key would be.
    pub(super) fn child_for(&self, key: &[u8]) -> usize {
        self.partition(|node, index| node.child(index).is_some_and(|(first, _)| first <= key))
            .saturating_sub(1)
    }

    /// How many entries, of those in ascending order, are before a point.
    fn partition(&self, before: impl Fn(&Self, usize) -> bool) -> usize {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low.midpoint(high);
            if before(self, middle) {
                low = middle.saturating_add(1);
            } else {
                high = middle;
            }
        }
        low
    }

    /// Makes the node so long. Bytes that are there stay.
    fn room(&mut self, length: u64) -> Option<&mut [u8]> {
        self.length = usize::try_from(length).ok()?;
        if self.bytes.len() < self.length {
            self.bytes.resize(self.length, 0);
        }
        self.bytes.get_mut(..self.length)
    }
}

/// Reads bytes of a page.
pub(super) fn read<R: ReadAt>(source: &R, buf: &mut [u8], offset: u64, page: u64) -> Result<(), BoltError> {
    source
        .read_exact_at(buf, offset)
        .map_err(|error| BoltError::Read {
            page,
            kind: error.kind(),
            why: error.to_string(),
        })
}
