//! Leaf nodes: keys with values, or buckets.

use super::{ELEMENT, Flaw, HEADER, Header, LEAF, LONGEST_KEY, directory, element, packed};
use crate::little_endian::{u32, u64};

/// `common.BucketLeafFlag`: the value is a bucket.
const BUCKET: u32 = 1;
/// Bytes of a bucket entry's value before the inline page: root page and sequence (`common.BucketHeaderSize`).
const BUCKET_HEADER: usize = 16;

/// A leaf node that was found sound: entries inside the node, packed, keys strictly ascending.
///
/// Copies nothing: it borrows the bytes it was parsed from.
#[derive(Debug, Clone, Copy)]
pub struct Leaf<'a> {
    directory: &'a [u8],
    payload: &'a [u8],
    buckets: bool,
}

/// One entry of a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The value; for a bucket its header and inline page.
    pub value: &'a [u8],
}

/// The value of a bucket's entry.
#[derive(Debug, Clone, Copy)]
pub struct Bucket<'a> {
    /// Page of the bucket's root, 0 when it is inline.
    pub root: u64,
    /// The bucket's own counter (`Bucket.NextSequence`).
    pub sequence: u64,
    /// What follows: the inline page.
    pub inline: &'a [u8],
}

impl<'a> Leaf<'a> {
    /// Reads and checks a leaf node. `node` is the whole node, header and overflow pages included.
    ///
    /// Cost is linear in the number of entries and the length of the keys, whatever the entries claim.
    pub fn parse(node: &'a [u8]) -> Result<Self, Flaw> {
        let header = Header::parse(node).ok_or(Flaw::DoesNotFit)?;
        let (directory, directory_end) = directory(node, header.count)?;
        let mut first = directory_end;
        let mut end = None;
        let mut buckets = 0_usize;
        let mut previous: Option<&[u8]> = None;
        let mut element = HEADER;
        for entry in directory.as_chunks::<ELEMENT>().0 {
            let fields = Element::parse(entry);
            let start = packed(element, fields.pos, end, directory_end)?;
            if end.is_none() {
                first = start;
            }
            let (key_end, value_end) = fields.ends(start)?;
            let key = node.get(start..key_end).ok_or(Flaw::DoesNotFit)?;
            if value_end > node.len() {
                return Err(Flaw::DoesNotFit);
            }
            if previous.is_some_and(|previous| previous >= key) {
                return Err(Flaw::KeyOrder);
            }
            previous = Some(key);
            buckets = buckets.saturating_add(usize::from(fields.bucket));
            end = Some(value_end);
            element = element.saturating_add(ELEMENT);
        }
        if buckets != 0 && buckets != usize::from(header.count) {
            return Err(Flaw::Mixed);
        }
        let payload = node.get(first..end.unwrap_or(first)).ok_or(Flaw::DoesNotFit)?;
        Ok(Self {
            directory,
            payload,
            buckets: buckets != 0,
        })
    }

    /// Number of entries.
    pub fn count(&self) -> usize {
        self.directory.as_chunks::<ELEMENT>().0.len()
    }

    /// Whether its entries are buckets.
    pub fn holds_buckets(&self) -> bool {
        self.buckets
    }

    /// All keys and values, one behind the other, in order: key, value, key, value.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The first and the last key; `None` when it is empty.
    pub fn bounds(&self) -> Option<(&'a [u8], &'a [u8])> {
        let first = self.items().next()?.key;
        let last = self
            .directory
            .as_chunks::<ELEMENT>()
            .0
            .last()
            .map(Element::parse)?;
        let value = self.payload.len().checked_sub(last.value)?;
        let key = value.checked_sub(last.key)?;
        Some((first, self.payload.get(key..value)?))
    }

    /// The entries in key order.
    pub fn items(&self) -> Items<'a> {
        Items {
            directory: self.directory.as_chunks::<ELEMENT>().0.iter(),
            payload: self.payload,
        }
    }
}

/// Iterator over the entries of a leaf.
#[derive(Debug, Clone)]
pub struct Items<'a> {
    directory: std::slice::Iter<'a, [u8; ELEMENT]>,
    payload: &'a [u8],
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        let fields = Element::parse(self.directory.next()?);
        let (key, rest) = self.payload.split_at_checked(fields.key)?;
        let (value, rest) = rest.split_at_checked(fields.value)?;
        self.payload = rest;
        Some(Item { key, value })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.directory.size_hint()
    }
}

/// The entry with this index, below the count, of a node that [`Leaf::parse`] found sound.
pub(crate) fn item_at(node: &[u8], index: usize) -> Option<Item<'_>> {
    let at = element(index)?;
    let fields = Element::parse(node.get(at..)?.first_chunk()?);
    let start = at.checked_add(usize::try_from(fields.pos).ok()?)?;
    let (key_end, value_end) = fields.ends(start).ok()?;
    Some(Item {
        key: node.get(start..key_end)?,
        value: node.get(key_end..value_end)?,
    })
}

impl<'a> Item<'a> {
    /// Reads the value of a bucket's entry.
    pub fn bucket(&self) -> Result<Bucket<'a>, Flaw> {
        let root = u64(self.value, 0).ok_or(Flaw::Bucket)?;
        let sequence = u64(self.value, 8).ok_or(Flaw::Bucket)?;
        let inline = self.value.get(BUCKET_HEADER..).ok_or(Flaw::Bucket)?;
        Ok(Bucket {
            root,
            sequence,
            inline,
        })
    }
}

impl<'a> Bucket<'a> {
    /// Reads the leaf of an inline bucket. It holds keys only: bbolt never inlines a bucket with buckets in it
    /// (`Bucket.inlineable`).
    pub fn leaf(&self) -> Result<Leaf<'a>, Flaw> {
        let header = Header::parse(self.inline).ok_or(Flaw::Bucket)?;
        if header.flags != LEAF || header.overflow != 0 {
            return Err(Flaw::Bucket);
        }
        let leaf = Leaf::parse(self.inline)?;
        if leaf.holds_buckets() {
            Err(Flaw::Bucket)
        } else {
            Ok(leaf)
        }
    }
}

/// A directory entry: flags, position of the key from the start of the entry, sizes.
struct Element {
    bucket: bool,
    pos: u32,
    key: usize,
    value: usize,
}

impl Element {
    fn parse(entry: &[u8; ELEMENT]) -> Self {
        let field = |at| u32(entry, at).unwrap_or(0);
        let size = |at| usize::try_from(field(at)).unwrap_or(usize::MAX);
        Self {
            bucket: field(0) & BUCKET != 0,
            pos: field(4),
            key: size(8),
            value: size(12),
        }
    }

    /// Where the key and the value end, if the key starts at `start`.
    fn ends(&self, start: usize) -> Result<(usize, usize), Flaw> {
        if self.key > LONGEST_KEY {
            return Err(Flaw::KeyTooLong);
        }
        let key_end = start.checked_add(self.key).ok_or(Flaw::DoesNotFit)?;
        let value_end = key_end.checked_add(self.value).ok_or(Flaw::DoesNotFit)?;
        Ok((key_end, value_end))
    }
}
