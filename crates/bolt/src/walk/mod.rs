//! Any place of a database in a file, with a few small reads and one node a level in memory.
//!
//! [`Bolt`] follows the pointers as bbolt does, but reads (`pread`) where bbolt maps the file: one read for a node of one
//! page, two for a node that runs over. Nothing is kept but the branches above the leaf in hand, so memory does not grow
//! with the file, and any number of walks may share one [`Bolt`], in threads as well.
//!
//! # What is proved
//!
//! Whatever a walk lends was proved on the way there: the pages exist, are branches or leaves and say that they are where
//! they are, hold entries that lie inside them one behind the other, and keys that ascend inside a node, from node to node,
//! and between the keys of the branches above. A tree deeper than [`Limits::depth`], a node longer than
//! [`Limits::node_bytes`] and branches on one path that are together longer than that are refused. So every walk ends: a
//! branch that leads back to an ancestor is out of its range or too deep.
//!
//! Not proved by a walk alone is that no page is part of two places, which needs a bit for each page: [`Bolt::reached`]
//! makes them, [`Bucket::walk_once`] sets them, and [`Reached::finish`] holds them against the list of free pages. A pass
//! over all buckets like that proves what [`read::Database::load`](crate::read::Database::load) proves.
//!
//! # What is not there
//!
//! Buckets inside buckets, which etcd has none of, are refused with [`BoltError::NestedBucket`] when their leaf is reached.

mod bucket;
mod cursor;
mod node;
mod opening;
mod path;
mod reached;
mod source;

pub use bucket::{Bucket, Entry};
pub use cursor::{Pair, Walk};
pub use reached::Reached;
pub use source::ReadAt;

use crate::error::BoltError;
use crate::limits::Limits;
use crate::meta::Meta;
use cursor::{Holds, Start};

/// A database whose meta pages were found sound, and what it is read from.
#[derive(Debug)]
pub struct Bolt<R> {
    source: R,
    meta: Meta,
    limits: Limits,
}

impl<R: ReadAt> Bolt<R> {
    /// Reads the meta pages. The source may be longer than the database.
    ///
    /// Of the limits, `overlapping` and `memory_per_page` mean nothing here.
    ///
    /// # Errors
    ///
    /// Meta pages that cannot be used, a source shorter than they promise, and [`BoltError::Read`].
    pub fn open(source: R, limits: Limits) -> Result<Self, BoltError> {
        let got = source.size().map_err(|error| BoltError::Read {
            page: 0,
            kind: error.kind(),
            why: error.to_string(),
        })?;
        let meta = opening::meta(&source, got, &limits)?;
        meta.check(&limits)?;
        let expected = meta.database_bytes();
        if got < expected {
            return Err(BoltError::Truncated {
                missing: expected.saturating_sub(got),
                got,
                expected,
            });
        }
        Ok(Self { source, meta, limits })
    }

    /// The meta page in force.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// What it is read from.
    pub fn source(&self) -> &R {
        &self.source
    }

    /// All buckets, in the order of their names.
    ///
    /// # Errors
    ///
    /// [`BoltError::Memory`] when names and inline buckets take more than [`Limits::memory`], and what is wrong with the
    /// tree of buckets.
    pub fn buckets(&self) -> Result<Vec<Bucket<'_, R>>, BoltError> {
        let mut walk = self.root(None);
        let (mut buckets, mut memory) = (Vec::new(), 0_u64);
        while walk.move_on()?
            && let Some(item) = walk.item()
        {
            let bucket = Bucket::read(self, walk.page(), item)?;
            let taken = bucket.memory().saturating_add(size_of::<Bucket<'_, R>>());
            memory = memory.saturating_add(u64::try_from(taken).unwrap_or(u64::MAX));
            if memory > self.limits.memory {
                let limit = self.limits.memory;
                return Err(BoltError::Memory { limit });
            }
            buckets.push(bucket);
        }
        Ok(buckets)
    }

    /// The bucket with this name.
    pub fn bucket(&self, name: &[u8]) -> Result<Option<Bucket<'_, R>>, BoltError> {
        let mut walk = self.root(None);
        walk.seek(name)?;
        if !walk.move_on()? {
            return Ok(None);
        }
        match walk.item() {
            Some(item) if item.key == name => Bucket::read(self, walk.page(), item).map(Some),
            _ => Ok(None),
        }
    }

    /// Notes for a pass over the whole database, in which the tree of buckets was reached already. Takes one bit a page.
    pub fn reached(&self) -> Result<Reached, BoltError> {
        let mut reached = Reached::new(self.meta.pages);
        let mut walk = self.root(Some(&mut reached));
        while walk.next()?.is_some() {}
        drop(walk);
        Ok(reached)
    }

    fn root<'w>(&'w self, reached: Option<&'w mut Reached>) -> Walk<'w, R> {
        Walk::new(self, Start::Page(self.meta.root), Holds::Buckets, reached)
    }
}
