//! The branches between the root and the leaf in hand.

use super::node::Node;
use crate::error::BoltError;
use crate::limits::Limits;
use crate::page::Flaw;

/// Branches from the root down, each standing on one of its children. Those no longer in use lend their buffers to those
/// that come.
#[derive(Debug, Default)]
pub(super) struct Path {
    levels: Vec<Level>,
    in_use: usize,
}

#[derive(Debug, Default)]
struct Level {
    branch: Node,
    child: usize,
}

/// On which side of the leaf in hand to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Before,
    Behind,
}

impl Path {
    pub(super) fn clear(&mut self) {
        self.in_use = 0;
    }

    fn levels(&self) -> &[Level] {
        self.levels.get(..self.in_use).unwrap_or_default()
    }

    /// Checks the first and the last key of the node in hand against its place: from the key that the branch above gives
    /// this child up to, but not including, the next one that any branch above gives.
    pub(super) fn check(&self, page: u64, [first, last]: [Option<&[u8]>; 2]) -> Result<(), BoltError> {
        let from = self.levels().last().and_then(|level| level.key(0));
        let to = self.levels().iter().rev().find_map(|level| level.key(1));
        let below = from.is_some_and(|from| first.is_none_or(|first| first < from));
        let above = to.is_some_and(|to| last.is_none_or(|last| last >= to));
        if below || above {
            return Err(BoltError::KeyRange { page });
        }
        Ok(())
    }

    /// Adds a branch below the others, standing on one of its children. Returns the child's page.
    pub(super) fn push(
        &mut self,
        page: u64,
        branch: &Node,
        child: usize,
        limits: &Limits,
    ) -> Result<u64, BoltError> {
        if self.in_use >= limits.depth {
            return Err(BoltError::TooDeep {
                page,
                limit: limits.depth,
            });
        }
        let flawed = |flaw| BoltError::Page { page, flaw };
        let above = self.levels().iter().map(|level| level.branch.length());
        let bytes = above.fold(branch.length(), usize::saturating_add);
        if u64::try_from(bytes).unwrap_or(u64::MAX) > limits.node_bytes {
            return Err(flawed(Flaw::TooLarge));
        }
        let (_, below) = branch.child(child).ok_or(flawed(Flaw::EmptyBranch))?;
        if self.levels.len() <= self.in_use {
            self.levels.push(Level::default());
        }
        if let Some(level) = self.levels.get_mut(self.in_use) {
            level.branch.clone_from(branch);
            level.child = child;
        }
        self.in_use = self.in_use.saturating_add(1);
        Ok(below)
    }

    /// Turns to the nearest child on one side, leaving the branches that have none. Returns its page.
    pub(super) fn turn(&mut self, side: Side) -> Option<u64> {
        while let Some(above) = self.in_use.checked_sub(1) {
            let level = self.levels.get_mut(above)?;
            let child = match side {
                Side::Before => level.child.checked_sub(1),
                Side::Behind => level.child.checked_add(1),
            };
            if let Some(child) = child
                && let Some((_, page)) = level.branch.child(child)
            {
                level.child = child;
                return Some(page);
            }
            self.in_use = above;
        }
        None
    }
}

impl Level {
    /// The first key that the child so many behind the one in hand may hold.
    fn key(&self, behind: usize) -> Option<&[u8]> {
        let child = self.child.checked_add(behind)?;
        self.branch.child(child).map(|(key, _)| key)
    }
}
