//! The walk over one tree.

use super::node::{Kind, Node};
use super::path::{Path, Side};
use super::{Bolt, Reached, ReadAt};
use crate::error::BoltError;
use crate::page::Item;

/// Where a tree starts.
#[derive(Debug, Clone)]
pub(super) enum Start {
    /// Its root.
    Page(u64),
    /// Its only leaf, which was checked.
    Inline(Vec<u8>),
}

/// What the leaves of a tree are to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    Buckets,
    Keys,
}

/// A key and its value, lent by a walk until its next step.
pub type Pair<'w> = (&'w [u8], &'w [u8]);

/// A place in the keys of a bucket. Lends them one after the other, ascending.
///
/// Holds the leaf it stands on and a branch for each level above it, in buffers that it uses again. What lies on the way
/// is proved before it is lent: see the [module](super).
#[derive(Debug)]
pub struct Walk<'b, R> {
    bolt: &'b Bolt<R>,
    start: Start,
    holds: Holds,
    reached: Option<&'b mut Reached>,
    path: Path,
    leaf: Node,
    leaf_page: u64,
    /// The entry of the leaf that is lent next.
    next: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing was read yet.
    Before,
    On,
    Failed,
}

/// Which way to go down.
#[derive(Debug, Clone, Copy)]
enum Way<'k> {
    First,
    To(&'k [u8]),
    Last,
}

impl<'b, R: ReadAt> Walk<'b, R> {
    pub(super) fn new(
        bolt: &'b Bolt<R>,
        start: Start,
        holds: Holds,
        reached: Option<&'b mut Reached>,
    ) -> Self {
        Self {
            bolt,
            start,
            holds,
            reached,
            path: Path::default(),
            leaf: Node::default(),
            leaf_page: 0,
            next: 0,
            state: State::Before,
        }
    }

    /// The next key and its value; `None` behind the last, however often it is asked.
    ///
    /// # Errors
    ///
    /// The first thing wrong on the way; after that [`BoltError::Ended`].
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator cannot lend from a buffer of its own"
    )]
    pub fn next(&mut self) -> Result<Option<Pair<'_>>, BoltError> {
        if !self.move_on()? {
            return Ok(None);
        }
        Ok(self.item().map(|item| (item.key, item.value)))
    }

    /// Goes to the first key that is not below `key`, forwards or backwards. [`next`](Self::next) lends it.
    ///
    /// A walk that may reach a page but once fails when it comes to it again.
    pub fn seek(&mut self, key: &[u8]) -> Result<(), BoltError> {
        self.guarded(|walk| walk.enter(Way::To(key)))
    }

    /// Steps to the next entry; false when there is none.
    pub(super) fn move_on(&mut self) -> Result<bool, BoltError> {
        self.guarded(Self::advance)
    }

    /// The entry stepped to.
    pub(super) fn item(&self) -> Option<Item<'_>> {
        self.leaf.item(self.next.checked_sub(1)?)
    }

    pub(super) fn last(&mut self) -> Result<Option<Item<'_>>, BoltError> {
        self.guarded(|walk| {
            walk.enter(Way::Last)?;
            while walk.leaf.count == 0 && walk.step(Side::Before, Way::Last)? {}
            Ok(())
        })?;
        Ok(self.item())
    }

    /// The page that the entry is on.
    pub(super) fn page(&self) -> u64 {
        self.leaf_page
    }

    /// Ends the walk when something goes wrong: the buffers may then hold what was not proved.
    fn guarded<T>(&mut self, go: impl FnOnce(&mut Self) -> Result<T, BoltError>) -> Result<T, BoltError> {
        if self.state == State::Failed {
            return Err(BoltError::Ended);
        }
        let result = go(self);
        if result.is_err() {
            self.state = State::Failed;
        }
        result
    }

    /// Steps over the next entry; false when there is none.
    fn advance(&mut self) -> Result<bool, BoltError> {
        if self.state == State::Before {
            self.enter(Way::First)?;
        }
        while self.next >= self.leaf.count {
            if !self.step(Side::Behind, Way::First)? {
                return Ok(false);
            }
        }
        self.next = self.next.saturating_add(1);
        Ok(true)
    }

    /// Goes down from the root.
    fn enter(&mut self, way: Way<'_>) -> Result<(), BoltError> {
        self.path.clear();
        self.state = State::On;
        match &self.start {
            Start::Page(root) => self.descend(*root, way),
            Start::Inline(leaf) => {
                self.leaf.inline(leaf);
                self.arrive(way);
                Ok(())
            }
        }
    }

    /// Goes on to the leaf behind or before this one; false when there is none.
    fn step(&mut self, side: Side, way: Way<'_>) -> Result<bool, BoltError> {
        match self.path.turn(side) {
            Some(page) => self.descend(page, way).map(|()| true),
            None => Ok(false),
        }
    }

    /// Goes down from a node to a leaf.
    fn descend(&mut self, mut page: u64, way: Way<'_>) -> Result<(), BoltError> {
        loop {
            let reached = self.reached.as_deref_mut();
            match self.leaf.load(self.bolt, page, reached)? {
                Kind::Leaf { buckets } => {
                    self.check_leaf(page, buckets)?;
                    self.done(page);
                    self.leaf_page = page;
                    self.arrive(way);
                    return Ok(());
                }
                Kind::Branch => {
                    let child = self.enter_branch(page, way)?;
                    self.done(page);
                    page = child;
                }
            }
        }
    }

    /// Tells the source that the node which was just read is not wanted again. The tree of buckets is: it is read once to mark its
    /// pages and once to list them.
    fn done(&self, page: u64) {
        if self.reached.is_some() && self.holds == Holds::Keys {
            let offset = page.saturating_mul(u64::from(self.bolt.meta.page_size));
            let length = u64::try_from(self.leaf.length()).unwrap_or(0);
            self.bolt.source.done(offset, length);
        }
    }

    /// Puts the branch that was just read on the path, standing on one child. Returns the child's page.
    fn enter_branch(&mut self, page: u64, way: Way<'_>) -> Result<u64, BoltError> {
        let branch = &self.leaf;
        let last = branch.count.saturating_sub(1);
        let keys = [0, last].map(|child| branch.child(child).map(|(key, _)| key));
        self.path.check(page, keys)?;
        let child = match way {
            Way::First => 0,
            Way::To(key) => branch.child_for(key),
            Way::Last => last,
        };
        self.path.push(page, branch, child, &self.bolt.limits)
    }

    fn check_leaf(&self, page: u64, buckets: bool) -> Result<(), BoltError> {
        match self.holds {
            Holds::Keys if buckets => return Err(BoltError::NestedBucket { page }),
            Holds::Buckets if !buckets && self.leaf.count > 0 => {
                return Err(BoltError::KeyOutsideBucket { page });
            }
            Holds::Keys | Holds::Buckets => {}
        }
        let Some(last) = self.leaf.count.checked_sub(1) else {
            return Ok(());
        };
        let keys = [0, last].map(|index| self.leaf.item(index).map(|item| item.key));
        self.path.check(page, keys)
    }

    /// Stands before an entry of the leaf.
    fn arrive(&mut self, way: Way<'_>) {
        self.next = match way {
            Way::First => 0,
            Way::To(key) => self.leaf.first_item_from(key),
            Way::Last => self.leaf.count,
        };
    }
}
