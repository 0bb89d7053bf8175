//! The notes themselves: one layout for each kind of node.
//!
//! ```text
//! head:    kind in 2 bits, whether an overflow follows in 1, count in 5 (31: it follows) [overflow] [count]
//! flawed:  head code
//! leaf:    head [first key, last key] memo-length memo
//! buckets: head { name-length name sequence root [flaw-or-0xff count memo-length memo] }
//! branch:  head { child as difference from the one before, key }
//! ```

use super::keys::{ZEROS, read_key, write_key};
use crate::page::{Branch, Bucket, Flaw, Leaf};
use crate::varint::{Reader, write, write_signed};

const FLAWED: u8 = 0;
const LEAF: u8 = 1;
const BUCKETS: u8 = 2;
const BRANCH: u8 = 3;
/// In the head: an overflow follows.
const OVERFLOW: u8 = 1 << 2;
/// In the head: the count follows.
const COUNT_FOLLOWS: u8 = 31;
/// In the place of a flaw's code: there is none.
const SOUND: u8 = 0xff;

/// A note cannot be read back, which would be a bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// What is known of one node.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Note<'a> {
    Flawed(Flaw),
    Leaf { overflow: u32, leaf: LeafNote<'a> },
    Buckets { overflow: u32, buckets: BucketNotes<'a> },
    Branch { overflow: u32, children: Children<'a> },
}

impl<'a> Note<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let head = reader.byte()?;
        let kind = head & 3;
        if kind == FLAWED {
            return Some(Self::Flawed(Flaw::from_code(reader.byte()?)?));
        }
        let overflow = if head & OVERFLOW == 0 { 0 } else { reader.number()? };
        let overflow = u32::try_from(overflow).ok()?;
        let left = match head >> 3 {
            COUNT_FOLLOWS => reader.size()?,
            count => usize::from(count),
        };
        match kind {
            LEAF => Some(Self::Leaf {
                overflow,
                leaf: LeafNote { items: left, reader },
            }),
            BUCKETS => Some(Self::Buckets {
                overflow,
                buckets: BucketNotes { left, reader },
            }),
            BRANCH => Some(Self::Branch {
                overflow,
                children: Children {
                    left,
                    reader,
                    page: 0,
                },
            }),
            _ => None,
        }
    }
}

pub(super) fn write_flawed(out: &mut Vec<u8>, flaw: Flaw) {
    out.extend([FLAWED, flaw.code()]);
}

fn write_head(out: &mut Vec<u8>, kind: u8, overflow: u32, count: usize) {
    let small = u8::try_from(count).ok().filter(|count| *count < COUNT_FOLLOWS);
    let flag = if overflow == 0 { 0 } else { OVERFLOW };
    out.push(kind | flag | (small.unwrap_or(COUNT_FOLLOWS) << 3));
    if overflow != 0 {
        write(out, u64::from(overflow));
    }
    if small.is_none() {
        write_size(out, count);
    }
}

fn write_size(out: &mut Vec<u8>, size: usize) {
    write(out, u64::try_from(size).unwrap_or(u64::MAX));
}

/// How to ask the visitor what it wants to remember of a leaf, and a buffer for the answer.
pub(super) struct Memo<'f> {
    pub(super) ask: &'f mut dyn FnMut(&Leaf<'_>, &mut Vec<u8>),
    pub(super) answer: Vec<u8>,
}

impl Memo<'_> {
    /// Appends the answer behind its length.
    fn write(&mut self, out: &mut Vec<u8>, leaf: &Leaf<'_>) {
        self.answer.clear();
        (self.ask)(leaf, &mut self.answer);
        write_size(out, self.answer.len());
        out.extend_from_slice(&self.answer);
    }
}

/// A leaf: the range of its keys and its memo.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeafNote<'a> {
    pub(crate) items: usize,
    reader: Reader<'a>,
}

impl<'a> LeafNote<'a> {
    /// Reads the first and the last key into the two buffers, and returns the memo. An empty leaf leaves both empty.
    pub(crate) fn read(mut self, first: &mut Vec<u8>, last: &mut Vec<u8>) -> Option<&'a [u8]> {
        first.clear();
        last.clear();
        if self.items > 0 {
            first.extend_from_slice(&ZEROS);
            read_key(&mut self.reader, first)?;
            last.extend_from_slice(first);
            read_key(&mut self.reader, last)?;
        }
        let length = self.reader.size()?;
        self.reader.bytes(length)
    }
}

pub(super) fn write_leaf(out: &mut Vec<u8>, overflow: u32, leaf: &Leaf<'_>, memo: &mut Memo<'_>) {
    write_head(out, LEAF, overflow, leaf.count());
    if let Some((first, last)) = leaf.bounds() {
        write_key(out, &ZEROS, first, &mut memo.answer);
        write_key(out, first, last, &mut memo.answer);
    }
    memo.write(out, leaf);
}

/// The buckets of a leaf of the root tree, in key order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BucketNotes<'a> {
    left: usize,
    reader: Reader<'a>,
}

/// One bucket: its name and where its keys are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BucketNote<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) sequence: u64,
    /// Root page; 0 when inline.
    pub(crate) root: u64,
    pub(crate) inline: Option<Result<Inline<'a>, Flaw>>,
}

/// What is known of an inline leaf.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inline<'a> {
    pub(crate) items: usize,
    pub(crate) memo: &'a [u8],
}

impl<'a> BucketNotes<'a> {
    /// The next bucket, `None` at the end.
    pub(crate) fn advance(&mut self) -> Result<Option<BucketNote<'a>>, Unreadable> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        self.bucket().map(Some).ok_or(Unreadable)
    }

    fn bucket(&mut self) -> Option<BucketNote<'a>> {
        let length = self.reader.size()?;
        let name = self.reader.bytes(length)?;
        let sequence = self.reader.number()?;
        let root = self.reader.number()?;
        let inline = if root == 0 { Some(self.inline()?) } else { None };
        Some(BucketNote {
            name,
            sequence,
            root,
            inline,
        })
    }

    fn inline(&mut self) -> Option<Result<Inline<'a>, Flaw>> {
        let flaw = self.reader.byte()?;
        if flaw != SOUND {
            return Some(Err(Flaw::from_code(flaw)?));
        }
        let items = self.reader.size()?;
        let length = self.reader.size()?;
        let memo = self.reader.bytes(length)?;
        Some(Ok(Inline { items, memo }))
    }
}

pub(super) fn write_buckets(out: &mut Vec<u8>, overflow: u32, leaf: &Leaf<'_>, memo: &mut Memo<'_>) {
    let parsed: Result<Vec<(&[u8], Bucket<'_>)>, Flaw> =
        leaf.items().map(|item| Ok((item.key, item.bucket()?))).collect();
    let buckets = match parsed {
        Ok(buckets) => buckets,
        Err(flaw) => return write_flawed(out, flaw),
    };
    write_head(out, BUCKETS, overflow, buckets.len());
    for (name, bucket) in buckets {
        write_size(out, name.len());
        out.extend_from_slice(name);
        write(out, bucket.sequence);
        write(out, bucket.root);
        if bucket.root != 0 {
            continue;
        }
        match bucket.leaf() {
            Ok(inline) => {
                out.push(SOUND);
                write_size(out, inline.count());
                memo.write(out, &inline);
            }
            Err(flaw) => out.push(flaw.code()),
        }
    }
}

/// The children of a branch, in key order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Children<'a> {
    left: usize,
    reader: Reader<'a>,
    page: u64,
}

impl Children<'_> {
    /// What stands for the key before the first one.
    pub(crate) fn reference() -> Vec<u8> {
        ZEROS.to_vec()
    }

    /// The next child's page, `None` at the end. Its key is written into `key`, which holds the key before it.
    pub(crate) fn advance(&mut self, key: &mut Vec<u8>) -> Result<Option<u64>, Unreadable> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        let step = self.reader.signed().ok_or(Unreadable)?;
        self.page = self.page.wrapping_add_signed(step);
        read_key(&mut self.reader, key).ok_or(Unreadable)?;
        Ok(Some(self.page))
    }
}

pub(super) fn write_branch(out: &mut Vec<u8>, overflow: u32, branch: &Branch<'_>) {
    write_head(out, BRANCH, overflow, branch.count());
    let (mut before, mut reference): (u64, &[u8]) = (0, &ZEROS);
    let mut scratch = Vec::new();
    for (key, page) in branch.children() {
        write_signed(out, page.wrapping_sub(before).cast_signed());
        write_key(out, reference, key, &mut scratch);
        (before, reference) = (page, key);
    }
}
