//! Pages: the header, and what can be wrong with a node.

mod branch;
mod leaf;

pub use branch::Branch;
pub(crate) use branch::child_at;
pub(crate) use leaf::item_at;
pub use leaf::{Bucket, Item, Leaf};

use crate::little_endian::{u16, u32, u64};

/// Bytes of a page header (`common.PageHeaderSize`).
pub const HEADER: usize = 16;
/// Bytes of one entry of a page's directory, of either kind (`common.LeafPageElementSize`, `BranchPageElementSize`).
pub const ELEMENT: usize = 16;
/// Longest key bbolt writes (`bbolt.MaxKeySize`).
pub const LONGEST_KEY: usize = 32 << 10;

/// The header's flag of a branch page.
pub const BRANCH: u16 = 0x01;
/// The header's flag of a leaf page.
pub const LEAF: u16 = 0x02;
/// The header's flag of a page with the list of free pages.
pub const FREELIST: u16 = 0x10;

/// The header of a page (`bbolt/internal/common/page.go`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The page's own number. bbolt asserts that it is where it says it is, and so do we.
    pub id: u64,
    /// What it is: exactly one of [`BRANCH`], [`LEAF`], [`FREELIST`] or 4 (meta).
    pub flags: u16,
    /// Entries in its directory.
    pub count: u16,
    /// How many of the following pages belong to it.
    pub overflow: u32,
}

impl Header {
    /// Reads a header; `None` if there are fewer than 16 bytes.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            id: u64(bytes, 0)?,
            flags: u16(bytes, 8)?,
            count: u16(bytes, 10)?,
            overflow: u32(bytes, 12)?,
        })
    }

    /// Pages of the node: one and its overflow.
    pub fn pages(&self) -> u64 {
        u64::from(self.overflow).saturating_add(1)
    }
}

/// What can be wrong inside one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// The directory or an entry does not fit into the page.
    #[error("its entries do not fit into it")]
    DoesNotFit,
    /// bbolt writes keys and values one behind the other, in order. Entries that share bytes would make a small file
    /// cost the time of a large one.
    #[error("its entries do not lie one behind the other")]
    NotPacked,
    /// A key is longer than [`LONGEST_KEY`].
    #[error("a key is longer than 32768 bytes")]
    KeyTooLong,
    /// Keys are not strictly ascending.
    #[error("its keys are not in ascending order")]
    KeyOrder,
    /// A branch without children.
    #[error("it is a branch without children")]
    EmptyBranch,
    /// Buckets and plain keys side by side.
    #[error("it holds buckets and keys side by side")]
    Mixed,
    /// A bucket's entry is too short, or its inline page is no leaf.
    #[error("it holds a malformed bucket entry")]
    Bucket,
    /// The node runs over the end of the database.
    #[error("it runs over the end of the database")]
    PastTheEnd,
    /// The node is larger than [`Limits::node_bytes`](crate::Limits::node_bytes).
    #[error("it is larger than the limit for one node")]
    TooLarge,
    /// Given up because too many nodes overlap it: [`Limits::overlapping`](crate::Limits::overlapping).
    #[error("too many other nodes overlap it")]
    Crowded,
}

impl Flaw {
    const ALL: [Self; 10] = [
        Self::DoesNotFit,
        Self::NotPacked,
        Self::KeyTooLong,
        Self::KeyOrder,
        Self::EmptyBranch,
        Self::Mixed,
        Self::Bucket,
        Self::PastTheEnd,
        Self::TooLarge,
        Self::Crowded,
    ];

    /// One byte for the ledger.
    pub(crate) fn code(self) -> u8 {
        let place = Self::ALL.iter().position(|flaw| *flaw == self);
        place.and_then(|place| u8::try_from(place).ok()).unwrap_or(0)
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

/// Where an entry's key lies, while a directory is walked front to back.
///
/// `element` is the offset of the directory entry, `pos` what it says. Returns the key's offset, having checked that it
/// continues where the previous entry ended.
fn packed(element: usize, pos: u32, end: Option<usize>, directory_end: usize) -> Result<usize, Flaw> {
    let start = usize::try_from(pos)
        .ok()
        .and_then(|pos| element.checked_add(pos))
        .ok_or(Flaw::DoesNotFit)?;
    match end {
        Some(end) if start != end => Err(Flaw::NotPacked),
        None if start < directory_end => Err(Flaw::NotPacked),
        _ => Ok(start),
    }
}

/// Where the directory entry with this index starts.
fn element(index: usize) -> Option<usize> {
    index.checked_mul(ELEMENT)?.checked_add(HEADER)
}

/// Splits `count` directory entries off a node: (directory, offset of the first byte behind it).
fn directory(node: &[u8], count: u16) -> Result<(&[u8], usize), Flaw> {
    let end = usize::from(count)
        .checked_mul(ELEMENT)
        .and_then(|length| length.checked_add(HEADER))
        .ok_or(Flaw::DoesNotFit)?;
    let directory = node.get(HEADER..end).ok_or(Flaw::DoesNotFit)?;
    Ok((directory, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flaw_survives_its_code() {
        for flaw in Flaw::ALL {
            assert_eq!(Flaw::from_code(flaw.code()), Some(flaw));
        }
        assert_eq!(Flaw::from_code(u8::MAX), None);
    }
}
