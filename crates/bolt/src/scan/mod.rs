//! The one-pass scanner: a database, front to back, in pieces of any size.
//!
//! # How it can work without seeking
//!
//! The meta pages come first, so the root's page number and the number of pages are known from the start. Every page
//! that looks like a node is noted when it passes, as nobody knows yet whether a branch leads to it. When the last page
//! has passed, [`Scanner::finish`] walks the notes from the root: what it reaches is the database, and the rest was stale.
//!
//! A node that runs over into following pages is put together while these pages are also looked at in their own right:
//! the header may be a stale one, and what follows alive.
//!
//! # What is proved
//!
//! What `Tx.Check` of bbolt proves: every reachable page lies below the high-water mark, is a branch or a leaf, says its
//! own number, and is referenced once, overflow included; keys ascend inside a page and lie between the keys of the
//! ancestors; with a persisted list of free pages, every page is either reachable or listed, once. Beyond that, each
//! entry has to lie inside its page, packed as bbolt writes it, and trees have to be of bounded depth. Refused though
//! bbolt allows them: a bucket inside a bucket, and branches without children.
//!
//! # Memory
//!
//! Independent of the length of values, linear in the number of pages that look like nodes: 4 bytes a page; for keys like
//! etcd's about 18 bytes a leaf with its entry in the parent (for any keys, little more than the length of three of them);
//! the visitor's memo; and at the end 4 bytes a reachable leaf. Incomplete nodes hold their own bytes, within
//! [`Limits::node_bytes`]. Pages are copied only if a piece ends inside them.

pub(crate) mod freelist;
mod opening;
mod pages;
mod prove;
mod spans;
mod tree;

pub use tree::{BucketTree, LeafMemo, Tree};

use crate::error::BoltError;
use crate::limits::Limits;
use crate::meta::Meta;
use crate::page::Leaf;
use opening::Opening;
use pages::Pages;

/// Looks at each leaf once, as it passes.
pub trait LeafVisitor {
    /// Appends to `memo` what is to be remembered of this leaf, in a form of the visitor's own. It comes back from
    /// [`Tree`] if the leaf turns out to be reachable.
    ///
    /// Leaves come in the order of the file, the inline leaves of small buckets among them, and **stale leaves as well**:
    /// nothing is known yet of where this leaf belongs or whether it does. Must take time linear in the leaf's bytes.
    fn leaf(&mut self, leaf: &Leaf<'_>, memo: &mut Vec<u8>);

    /// An inline bucket of the root page has passed: known to be alive, long before the end. Called only when the root
    /// page is a leaf, and before [`finish`](Scanner::finish) has proved the structure. Does nothing by default.
    fn settled(&mut self, name: &[u8], leaf: &Leaf<'_>) {
        let _ = (name, leaf);
    }
}

/// Reads a database in one pass. See the [module](self) for how and for what it costs.
#[derive(Debug)]
pub struct Scanner<V> {
    visitor: V,
    limits: Limits,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Opening(Opening),
    Pages(Box<Pages>),
    Ended,
}

impl<V: LeafVisitor> Scanner<V> {
    /// A scanner that has seen nothing yet.
    pub fn new(visitor: V, limits: Limits) -> Self {
        Self {
            visitor,
            limits,
            stage: Stage::Opening(Opening::default()),
        }
    }

    /// Takes the next bytes of the file and returns how many of them were the database's: all of them, until the
    /// high-water mark is reached. What lies beyond is not the scanner's (a file on disk is longer than its database; a
    /// snapshot carries a checksum there).
    ///
    /// # Errors
    ///
    /// What can be told before the end: meta pages that cannot be used and limits that are exceeded. After an error, every
    /// further call fails with [`BoltError::Ended`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<usize, BoltError> {
        let result = self.take(bytes);
        if result.is_err() {
            self.stage = Stage::Ended;
        }
        result
    }

    fn take(&mut self, bytes: &[u8]) -> Result<usize, BoltError> {
        let mut rest = bytes;
        if let Stage::Opening(opening) = &mut self.stage {
            let Some(meta) = opening.fill(&mut rest, &self.limits)? else {
                return Ok(bytes.len());
            };
            self.stage = Stage::Pages(Box::new(Pages::new(meta, self.limits)));
        }
        match &mut self.stage {
            Stage::Pages(pages) => {
                pages.take(&mut rest, &mut self.visitor)?;
                Ok(bytes.len().saturating_sub(rest.len()))
            }
            Stage::Opening(_) | Stage::Ended => Err(BoltError::Ended),
        }
    }

    /// The meta page in force, as soon as both have passed.
    pub fn meta(&self) -> Option<&Meta> {
        match &self.stage {
            Stage::Pages(pages) => Some(pages.meta()),
            Stage::Opening(_) | Stage::Ended => None,
        }
    }

    /// Whether the last page has passed: [`push`](Self::push) takes no more.
    pub fn is_complete(&self) -> bool {
        matches!(&self.stage, Stage::Pages(pages) if pages.is_complete())
    }

    /// The visitor.
    pub fn visitor(&self) -> &V {
        &self.visitor
    }

    /// The visitor, to tell it something that the scanner knows.
    pub fn visitor_mut(&mut self) -> &mut V {
        &mut self.visitor
    }

    /// Bytes that the notes take so far, memos included.
    pub fn memory(&self) -> u64 {
        match &self.stage {
            Stage::Pages(pages) => pages.memory(),
            Stage::Opening(_) | Stage::Ended => 0,
        }
    }

    /// Proves the structure, and gives back the visitor with the leaves in key order.
    ///
    /// # Errors
    ///
    /// [`BoltError::Truncated`] when the file ended early, else the first thing wrong on the walk from the root.
    pub fn finish(self) -> Result<(V, Tree), BoltError> {
        match self.stage {
            Stage::Opening(opening) => Err(opening.cut_short()),
            Stage::Pages(pages) => Ok((self.visitor, prove::prove(*pages, &self.limits)?)),
            Stage::Ended => Err(BoltError::Ended),
        }
    }
}
