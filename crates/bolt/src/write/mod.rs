//! The bulk writer: a database from buckets that come in key order, in one pass and without going back.
//!
//! bbolt builds a database by inserting and splitting. Where everything is known in order, leaves can be written as they
//! fill, one behind the other, and the branches above them at the end of each bucket. The result is what bbolt would call
//! freshly compacted: no free page, and every page of the file in use.
//!
//! # The form
//!
//! - Leaves are filled by bbolt's rule for ascending keys (`node.splitIndex` with etcd's fill percentage): at least two
//!   keys, then as many as stay within nine tenths of a page. Larger values run over into pages of their own. The last leaf
//!   of a bucket may hold one key.
//! - Every branch has at least two children (bbolt's `rebalance` counts on it).
//! - A bucket that fits into a quarter of a page lies inline in the leaf of buckets (`Bucket.inlineable`).
//! - The list of free pages is not kept, as etcd has it on Linux: there are none.
//!
//! # Why the meta pages come last
//!
//! [`Writer`] hands pages from number 2 on to its sink, and gives the two meta pages to its caller at the very end. Until
//! these are written at the front, the file is not a database to anyone: a run that is killed leaves nothing that could be
//! mistaken for one.
//!
//! # Memory
//!
//! The leaf under construction; for each leaf written its first key and 16 bytes; the small buckets.

mod error;
mod head;
mod level;
mod node;
mod tree;

use std::io::Write;

pub use error::WriteError;
pub use head::Head;

use crate::limits::Limits;
use crate::meta::check_page_size;
use node::{Kind, Nodes, inline_page};
use tree::Tree;

/// Longest value bbolt takes (`bbolt.MaxValueSize`).
const LONGEST_VALUE: usize = (1 << 31) - 2;
/// bbolt keeps a bucket inline while its page takes no more than this part of a page (`Bucket.maxInlineBucketSize`).
const INLINE_PART: usize = 4;

/// Writes a database. See the [module](self).
#[derive(Debug)]
pub struct Writer<W> {
    nodes: Nodes<W>,
    /// The tree of buckets.
    root: Tree,
    bucket: Option<Open>,
    last_bucket: Vec<u8>,
}

/// The bucket under construction.
#[derive(Debug)]
struct Open {
    sequence: u64,
    tree: Tree,
    last_key: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// A writer whose sink takes the file from page 2 on: the caller seeks there, and puts [`Head::bytes`] in front when
    /// everything is written.
    ///
    /// # Errors
    ///
    /// [`WriteError::PageSize`] for a size that bbolt does not use.
    pub fn new(sink: W, page_size: u32) -> Result<Self, WriteError> {
        check_page_size(page_size, &Limits::default())
            .map_err(|_| WriteError::PageSize { size: page_size })?;
        let nodes = Nodes::new(sink, page_size);
        Ok(Self {
            root: Tree::new(Kind::Buckets, nodes.page_size()),
            nodes,
            bucket: None,
            last_bucket: Vec::new(),
        })
    }

    /// Where the sink's first byte belongs in the file.
    pub fn start(&self) -> u64 {
        u64::try_from(self.nodes.page_size()).map_or(0, |size| size.saturating_mul(2))
    }

    /// Ends the bucket before and begins one.
    ///
    /// # Errors
    ///
    /// [`WriteError::BucketOrder`] if the name is not behind that of the bucket before; else as [`put`](Self::put).
    pub fn bucket(&mut self, name: &[u8], sequence: u64) -> Result<(), WriteError> {
        check_key(name)?;
        self.close()?;
        if name <= self.last_bucket.as_slice() {
            return Err(WriteError::BucketOrder);
        }
        self.last_bucket.clear();
        self.last_bucket.extend_from_slice(name);
        self.bucket = Some(Open {
            sequence,
            tree: Tree::new(Kind::Keys, self.nodes.page_size()),
            last_key: Vec::new(),
        });
        Ok(())
    }

    /// Adds a key to the bucket begun last.
    ///
    /// # Errors
    ///
    /// What bbolt would refuse as well: an empty or too long key, a too long value, a key that is not behind the one
    /// before. And [`WriteError::Write`] when the sink fails.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), WriteError> {
        check_key(key)?;
        if value.len() > LONGEST_VALUE {
            return Err(WriteError::ValueLength { length: value.len() });
        }
        let bucket = self.bucket.as_mut().ok_or(WriteError::NoBucket)?;
        if key <= bucket.last_key.as_slice() {
            return Err(WriteError::KeyOrder);
        }
        bucket.last_key.clear();
        bucket.last_key.extend_from_slice(key);
        bucket.tree.push(&mut self.nodes, key, value)
    }

    /// Writes the tree of buckets and flushes the sink. The database is complete once [`Head::bytes`] stand at the front.
    ///
    /// # Errors
    ///
    /// [`WriteError::Write`] when the sink fails, [`WriteError::TooManyPages`] past what bbolt readers can number.
    pub fn finish(mut self) -> Result<(W, Head), WriteError> {
        self.close()?;
        let root = self.root.finish(&mut self.nodes)?;
        let (sink, page_size, pages) = self.nodes.finish()?;
        Ok((sink, Head::new(page_size, root, pages)))
    }

    /// Ends the open bucket: inline, or with its branches.
    fn close(&mut self) -> Result<(), WriteError> {
        let Some(mut bucket) = self.bucket.take() else {
            return Ok(());
        };
        let largest = self.nodes.page_size() / INLINE_PART;
        let inline = bucket
            .tree
            .only_leaf()
            .filter(|leaf| leaf.size() <= largest)
            .map(inline_page);
        let root = if inline.is_some() {
            0
        } else {
            bucket.tree.finish(&mut self.nodes)?
        };
        let mut value = [root.to_le_bytes(), bucket.sequence.to_le_bytes()].concat();
        value.extend(inline.unwrap_or_default());
        self.root.push(&mut self.nodes, &self.last_bucket, &value)
    }
}

fn check_key(key: &[u8]) -> Result<(), WriteError> {
    if key.is_empty() || key.len() > crate::page::LONGEST_KEY {
        return Err(WriteError::KeyLength { length: key.len() });
    }
    Ok(())
}
