//! One tree, from its leaves up.

use std::io::Write;

use super::error::WriteError;
use super::level::Level;
use super::node::{Kind, LeafNode, Nodes};

/// A tree under construction: the leaf that is being filled, and what those written are called.
#[derive(Debug)]
pub(super) struct Tree {
    leaf: LeafNode,
    leaves: Level,
    /// Bytes at which a node with two entries or more is full.
    full: usize,
}

impl Tree {
    pub(super) fn new(kind: Kind, page_size: usize) -> Self {
        Self {
            leaf: LeafNode::new(kind),
            leaves: Level::default(),
            // etcd sets 0.9 for keys that come in order (`batchTx.UnsafeSeqPut`).
            full: page_size.saturating_mul(9) / 10,
        }
    }

    pub(super) fn push<W: Write>(
        &mut self,
        nodes: &mut Nodes<W>,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), WriteError> {
        if self.leaf.is_full_for(key, value, self.full) {
            self.flush(nodes)?;
        }
        self.leaf.push(key, value);
        Ok(())
    }

    /// The tree's leaf, if none was written yet.
    pub(super) fn only_leaf(&self) -> Option<&LeafNode> {
        (self.leaves.len() == 0).then_some(&self.leaf)
    }

    /// Writes what is left and the branches, and returns the root's page. An empty tree is an empty leaf.
    pub(super) fn finish<W: Write>(&mut self, nodes: &mut Nodes<W>) -> Result<u64, WriteError> {
        if !self.leaf.is_empty() || self.leaves.len() == 0 {
            self.flush(nodes)?;
        }
        let mut level = std::mem::take(&mut self.leaves);
        while level.len() > 1 {
            let mut above = Level::default();
            for children in level.branches(self.full) {
                let first = children.start;
                let page = nodes.branch(&level, children)?;
                above.push(level.child(first).map_or(&[], |(key, _)| key), page);
            }
            level = above;
        }
        Ok(level.first_page().unwrap_or(0))
    }

    fn flush<W: Write>(&mut self, nodes: &mut Nodes<W>) -> Result<(), WriteError> {
        let page = nodes.leaf(&self.leaf)?;
        self.leaves.push(self.leaf.first_key(), page);
        self.leaf.clear();
        Ok(())
    }
}
