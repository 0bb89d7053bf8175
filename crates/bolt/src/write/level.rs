//! The nodes of one level, as the branches above will name them.

use std::ops::Range;

use crate::page::{ELEMENT, HEADER};

/// First key and page of each node, in key order. One allocation for all keys: a gigabyte of etcd's data has some 300,000
/// leaves.
#[derive(Debug, Default)]
pub(super) struct Level {
    keys: Vec<u8>,
    children: Vec<Child>,
}

#[derive(Debug, Clone, Copy)]
struct Child {
    key_end: usize,
    page: u64,
}

impl Level {
    pub(super) fn push(&mut self, key: &[u8], page: u64) {
        self.keys.extend_from_slice(key);
        self.children.push(Child {
            key_end: self.keys.len(),
            page,
        });
    }

    pub(super) fn len(&self) -> usize {
        self.children.len()
    }

    /// The page of the first node.
    pub(super) fn first_page(&self) -> Option<u64> {
        self.children.first().map(|child| child.page)
    }

    /// First key and page of a node.
    pub(super) fn child(&self, index: usize) -> Option<(&[u8], u64)> {
        let child = self.children.get(index)?;
        let before = index.checked_sub(1).and_then(|before| self.children.get(before));
        let start = before.map_or(0, |before| before.key_end);
        Some((self.keys.get(start..child.key_end)?, child.page))
    }

    /// Cuts the level into branches: each within nine tenths of a page if it has more than two children, none with fewer
    /// than two. The level must have at least two nodes.
    pub(super) fn branches(&self, full: usize) -> Vec<Range<usize>> {
        let mut branches: Vec<Range<usize>> = Vec::new();
        let (mut start, mut size) = (0_usize, HEADER);
        for index in 0..self.len() {
            let key = self.child(index).map_or(0, |(key, _)| key.len());
            let grown = size.saturating_add(ELEMENT).saturating_add(key);
            if grown > full && index.saturating_sub(start) >= 2 {
                branches.push(start..index);
                start = index;
                size = HEADER.saturating_add(ELEMENT).saturating_add(key);
            } else {
                size = grown;
            }
        }
        branches.push(start..self.len());
        widen_the_last(&mut branches);
        branches
    }
}

/// A last branch of one child takes another from the branch before, or joins it.
fn widen_the_last(branches: &mut Vec<Range<usize>>) {
    if branches.last().is_none_or(|last| last.len() >= 2) {
        return;
    }
    let Some(last) = branches.pop() else { return };
    let Some(before) = branches.last_mut() else {
        branches.push(last);
        return;
    };
    if before.len() > 2 {
        before.end = before.end.saturating_sub(1);
        let start = before.end;
        branches.push(start..last.end);
    } else {
        before.end = last.end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(keys: &[usize]) -> Level {
        let mut level = Level::default();
        for (page, length) in keys.iter().enumerate() {
            level.push(&vec![7; *length], page as u64);
        }
        level
    }

    #[test]
    fn no_branch_has_fewer_than_two_children_and_none_is_left_out() {
        for count in 2..200 {
            for length in [1, 17, 400, 2000] {
                let branches = level(&vec![length; count]).branches(900);
                assert!(
                    branches.iter().all(|branch| branch.len() >= 2),
                    "{count} {branches:?}"
                );
                let joined: Vec<usize> = branches.into_iter().flatten().collect();
                assert_eq!(joined, (0..count).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn a_last_branch_of_one_child_takes_another_or_joins() {
        // 16 + 3 * (16 + 284) = 916: three a branch.
        assert_eq!(level(&[284; 4]).branches(916), [0..2, 2..4]);
        assert_eq!(level(&[284; 7]).branches(916), [0..3, 3..5, 5..7]);
        assert_eq!(level(&[900; 5]).branches(916), [0..2, 2..5]);
    }
}
