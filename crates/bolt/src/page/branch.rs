//! Branch nodes: keys with the pages that hold what lies from that key on.

use super::{ELEMENT, Flaw, HEADER, Header, LONGEST_KEY, directory, element, packed};
use crate::little_endian::{u32, u64};

/// A branch node that was found sound: entries inside the node, packed, keys strictly ascending, at least one child.
#[derive(Debug, Clone, Copy)]
pub struct Branch<'a> {
    directory: &'a [u8],
    payload: &'a [u8],
}

impl<'a> Branch<'a> {
    /// Reads and checks a branch node. `node` is the whole node, header and overflow pages included.
    pub fn parse(node: &'a [u8]) -> Result<Self, Flaw> {
        let header = Header::parse(node).ok_or(Flaw::DoesNotFit)?;
        let (directory, directory_end) = directory(node, header.count)?;
        if directory.is_empty() {
            return Err(Flaw::EmptyBranch);
        }
        let mut first = directory_end;
        let mut end = None;
        let mut previous: Option<&[u8]> = None;
        let mut element = HEADER;
        for entry in directory.as_chunks::<ELEMENT>().0 {
            let (pos, length, _) = fields(entry);
            let start = packed(element, pos, end, directory_end)?;
            if end.is_none() {
                first = start;
            }
            if length > LONGEST_KEY {
                return Err(Flaw::KeyTooLong);
            }
            let key_end = start.checked_add(length).ok_or(Flaw::DoesNotFit)?;
            let key = node.get(start..key_end).ok_or(Flaw::DoesNotFit)?;
            if previous.is_some_and(|previous| previous >= key) {
                return Err(Flaw::KeyOrder);
            }
            previous = Some(key);
            end = Some(key_end);
            element = element.saturating_add(ELEMENT);
        }
        let payload = node.get(first..end.unwrap_or(first)).ok_or(Flaw::DoesNotFit)?;
        Ok(Self { directory, payload })
    }

    /// Number of children.
    pub fn count(&self) -> usize {
        self.directory.as_chunks::<ELEMENT>().0.len()
    }

    /// The children in key order: the first key each may hold, and its page.
    pub fn children(&self) -> impl Iterator<Item = (&'a [u8], u64)> + use<'a> {
        let mut payload = self.payload;
        self.directory
            .as_chunks::<ELEMENT>()
            .0
            .iter()
            .map_while(move |entry| {
                let (_, length, page) = fields(entry);
                let (key, rest) = payload.split_at_checked(length)?;
                payload = rest;
                Some((key, page))
            })
    }
}

/// The child with this index, below the count, of a node that [`Branch::parse`] found sound.
pub(crate) fn child_at(node: &[u8], index: usize) -> Option<(&[u8], u64)> {
    let at = element(index)?;
    let (pos, length, page) = fields(node.get(at..)?.first_chunk()?);
    let start = at.checked_add(usize::try_from(pos).ok()?)?;
    Some((node.get(start..)?.get(..length)?, page))
}

/// A directory entry: position of the key from the start of the entry, length of the key, page of the child.
fn fields(entry: &[u8; ELEMENT]) -> (u32, usize, u64) {
    let length = usize::try_from(u32(entry, 4).unwrap_or(0)).unwrap_or(usize::MAX);
    (u32(entry, 0).unwrap_or(0), length, u64(entry, 8).unwrap_or(0))
}
