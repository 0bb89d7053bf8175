//! Nodes as bytes, and their way into the sink.

use std::io::Write;
use std::ops::Range;

use super::error::WriteError;
use super::level::Level;
use crate::page::{BRANCH, ELEMENT, HEADER, LEAF};

/// Most entries of a node: bbolt's counter has 16 bits and 0xFFFF means something else on freelist pages.
const MOST: usize = 0xFFFE;

/// What the entries of a leaf are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Keys,
    Buckets,
}

impl Kind {
    /// An entry's flags (`common.BucketLeafFlag`).
    fn flags(self) -> u32 {
        match self {
            Self::Keys => 0,
            Self::Buckets => 1,
        }
    }
}

/// A leaf under construction.
#[derive(Debug)]
pub(super) struct LeafNode {
    kind: Kind,
    /// Lengths of keys and values.
    entries: Vec<(u32, u32)>,
    /// Keys and values, one behind the other.
    payload: Vec<u8>,
}

impl LeafNode {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            entries: Vec::new(),
            payload: Vec::new(),
        }
    }

    /// Bytes of the node.
    pub(super) fn size(&self) -> usize {
        self.entries
            .len()
            .saturating_mul(ELEMENT)
            .saturating_add(HEADER)
            .saturating_add(self.payload.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether bbolt would begin another leaf for this entry (`node.splitIndex`).
    pub(super) fn is_full_for(&self, key: &[u8], value: &[u8], full: usize) -> bool {
        let entry = ELEMENT.saturating_add(key.len()).saturating_add(value.len());
        let grown = self.size().saturating_add(entry);
        self.entries.len() >= 2 && (grown > full || self.entries.len() >= MOST)
    }

    pub(super) fn push(&mut self, key: &[u8], value: &[u8]) {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.entries.push((length(key), length(value)));
        self.payload.extend_from_slice(key);
        self.payload.extend_from_slice(value);
    }

    pub(super) fn first_key(&self) -> &[u8] {
        let length = self.entries.first().map_or(0, |(key, _)| *key);
        let length = usize::try_from(length).unwrap_or(0);
        self.payload.get(..length).unwrap_or_default()
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.payload.clear();
    }

    /// Appends the node: header, directory, payload.
    fn write(&self, page: u64, overflow: u32, out: &mut Vec<u8>) {
        header(page, LEAF, self.entries.len(), overflow, out);
        // Where an entry's key lies, from the start of its directory entry.
        let mut position = self.entries.len().saturating_mul(ELEMENT);
        for (key, value) in &self.entries {
            let at = u32::try_from(position).unwrap_or(u32::MAX);
            for field in [self.kind.flags(), at, *key, *value] {
                out.extend_from_slice(&field.to_le_bytes());
            }
            let length = key.saturating_add(*value);
            position = position
                .saturating_add(usize::try_from(length).unwrap_or(0))
                .saturating_sub(ELEMENT);
        }
        out.extend_from_slice(&self.payload);
    }
}

/// The page of an inline bucket: no number and no overflow (`Bucket.write`).
pub(super) fn inline_page(leaf: &LeafNode) -> Vec<u8> {
    let mut out = Vec::with_capacity(leaf.size());
    leaf.write(0, 0, &mut out);
    out
}

fn header(page: u64, flags: u16, count: usize, overflow: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&page.to_le_bytes());
    out.extend_from_slice(&flags.to_le_bytes());
    out.extend_from_slice(&u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes());
    out.extend_from_slice(&overflow.to_le_bytes());
}

/// Gives nodes their pages and writes them, one behind the other.
#[derive(Debug)]
pub(super) struct Nodes<W> {
    sink: W,
    page_size: usize,
    next: u64,
    buffer: Vec<u8>,
}

impl<W: Write> Nodes<W> {
    pub(super) fn new(sink: W, page_size: u32) -> Self {
        Self {
            sink,
            page_size: usize::try_from(page_size).unwrap_or(usize::MAX),
            next: 2,
            buffer: Vec::new(),
        }
    }

    pub(super) fn page_size(&self) -> usize {
        self.page_size
    }

    /// Writes a leaf and returns its page.
    pub(super) fn leaf(&mut self, leaf: &LeafNode) -> Result<u64, WriteError> {
        let (page, pages) = self.allocate(leaf.size())?;
        self.buffer.clear();
        leaf.write(page, overflow(pages), &mut self.buffer);
        self.emit(pages)?;
        Ok(page)
    }

    /// Writes a branch over some nodes of a level and returns its page.
    pub(super) fn branch(&mut self, level: &Level, children: Range<usize>) -> Result<u64, WriteError> {
        let entries = || children.clone().filter_map(|index| level.child(index));
        let keys: usize = entries().map(|(key, _)| key.len()).sum();
        let directory = children.len().saturating_mul(ELEMENT);
        let (page, pages) = self.allocate(HEADER.saturating_add(directory).saturating_add(keys))?;
        self.buffer.clear();
        header(page, BRANCH, children.len(), overflow(pages), &mut self.buffer);
        let mut position = directory;
        for (key, child) in entries() {
            let field = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
            self.buffer.extend_from_slice(&field(position));
            self.buffer.extend_from_slice(&field(key.len()));
            self.buffer.extend_from_slice(&child.to_le_bytes());
            position = position.saturating_add(key.len()).saturating_sub(ELEMENT);
        }
        for (key, _) in entries() {
            self.buffer.extend_from_slice(key);
        }
        self.emit(pages)?;
        Ok(page)
    }

    /// Flushes, and gives back the sink, the page size and the number of pages.
    pub(super) fn finish(mut self) -> Result<(W, usize, u64), WriteError> {
        self.sink.flush().map_err(|source| WriteError::Write { source })?;
        Ok((self.sink, self.page_size, self.next))
    }

    /// Takes pages for so many bytes: the first, and how many.
    fn allocate(&mut self, size: usize) -> Result<(u64, usize), WriteError> {
        let (page, pages) = (self.next, size.div_ceil(self.page_size).max(1));
        let next = u64::try_from(pages).map_or(u64::MAX, |pages| page.saturating_add(pages));
        if u32::try_from(next).is_err() {
            return Err(WriteError::TooManyPages { pages: next });
        }
        self.next = next;
        Ok((page, pages))
    }

    fn emit(&mut self, pages: usize) -> Result<(), WriteError> {
        self.buffer.resize(pages.saturating_mul(self.page_size), 0);
        self.sink
            .write_all(&self.buffer)
            .map_err(|source| WriteError::Write { source })
    }
}

/// Pages behind the first. Fits, as [`Nodes::allocate`] has checked.
fn overflow(pages: usize) -> u32 {
    u32::try_from(pages.saturating_sub(1)).unwrap_or(u32::MAX)
}
