//! One bucket.

use super::cursor::{Holds, Start, Walk};
use super::{Bolt, Reached, ReadAt};
use crate::error::BoltError;
use crate::page::Item;

/// A key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// A bucket of a database, found but not read yet.
#[derive(Debug)]
pub struct Bucket<'b, R> {
    bolt: &'b Bolt<R>,
    name: Vec<u8>,
    sequence: u64,
    start: Start,
}

impl<'b, R: ReadAt> Bucket<'b, R> {
    /// Reads the entry of the tree of buckets that stands on `page`.
    pub(super) fn read(bolt: &'b Bolt<R>, page: u64, item: Item<'_>) -> Result<Self, BoltError> {
        let flawed = |flaw| BoltError::Page { page, flaw };
        let bucket = item.bucket().map_err(flawed)?;
        let start = if bucket.root == 0 {
            bucket.leaf().map_err(flawed)?;
            Start::Inline(bucket.inline.to_vec())
        } else {
            Start::Page(bucket.root)
        };
        Ok(Self {
            bolt,
            name: item.key.to_vec(),
            sequence: bucket.sequence,
            start,
        })
    }

    /// The bucket's name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The bucket's own counter (`Bucket.NextSequence`); etcd never uses it.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Bytes that it takes in memory before it is walked.
    pub(super) fn memory(&self) -> usize {
        let inline = match &self.start {
            Start::Inline(leaf) => leaf.len(),
            Start::Page(_) => 0,
        };
        self.name.len().saturating_add(inline)
    }

    /// A walk over all keys, in order.
    pub fn walk(&self) -> Walk<'b, R> {
        Walk::new(self.bolt, self.start.clone(), Holds::Keys, None)
    }

    /// A walk over all keys that refuses a page which was reached before, by this walk or another with the same `reached`.
    pub fn walk_once<'w>(&'w self, reached: &'w mut Reached) -> Walk<'w, R> {
        Walk::new(self.bolt, self.start.clone(), Holds::Keys, Some(reached))
    }

    /// A walk from the first key that is not below `key`.
    pub fn seek(&self, key: &[u8]) -> Result<Walk<'b, R>, BoltError> {
        let mut walk = self.walk();
        walk.seek(key)?;
        Ok(walk)
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BoltError> {
        let mut walk = self.seek(key)?;
        let found = walk.next()?.filter(|(found, _)| *found == key);
        Ok(found.map(|(_, value)| value.to_vec()))
    }

    /// The last key with its value; `None` when the bucket is empty.
    pub fn last(&self) -> Result<Option<Entry>, BoltError> {
        let mut walk = self.walk();
        let last = walk.last()?;
        Ok(last.map(|item| (item.key.to_vec(), item.value.to_vec())))
    }
}
