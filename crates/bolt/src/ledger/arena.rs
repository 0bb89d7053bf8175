//! Append-only storage for many small byte strings.

use std::num::NonZeroU32;

/// Bytes of a block. Larger strings get a block of their own.
const BLOCK: usize = 1 << BLOCK_BITS;
const BLOCK_BITS: u32 = 18;

/// Where a string starts: block and offset in 32 bits, so at most 4 GiB are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place(NonZeroU32);

/// Byte strings in blocks: growing never copies and never doubles.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    blocks: Vec<Vec<u8>>,
    bytes: u64,
}

impl Arena {
    /// Stores a string; `None` when 4 GiB are full.
    pub(crate) fn push(&mut self, string: &[u8]) -> Option<Place> {
        let room = self
            .blocks
            .last()
            .map_or(0, |block| block.capacity().saturating_sub(block.len()));
        if room < string.len() || self.blocks.is_empty() {
            let capacity = string.len().max(BLOCK);
            self.blocks.push(Vec::with_capacity(capacity));
            self.bytes = self.bytes.saturating_add(u64::try_from(capacity).ok()?);
        }
        let number = self.blocks.len().checked_sub(1)?;
        let block = self.blocks.last_mut()?;
        let place = place(number, block.len());
        block.extend_from_slice(string);
        place
    }

    /// Everything from a place to the end of its block: the reader knows where its string ends.
    pub(crate) fn get(&self, place: Place) -> Option<&[u8]> {
        let packed = place.0.get().checked_sub(1)?;
        let block = usize::try_from(packed >> BLOCK_BITS).ok()?;
        let offset = usize::try_from(packed).ok()? % BLOCK;
        self.blocks.get(block)?.get(offset..)
    }

    /// Bytes reserved.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Packs block and offset, plus one so that "none" costs nothing. An offset beyond a regular block cannot occur: an
/// oversized block holds one string, at 0.
fn place(block: usize, offset: usize) -> Option<Place> {
    if offset >= BLOCK {
        return None;
    }
    let packed = block.checked_mul(BLOCK)?.checked_add(offset)?.checked_add(1)?;
    u32::try_from(packed).ok().and_then(NonZeroU32::new).map(Place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_every_size_come_back() {
        let mut arena = Arena::default();
        let strings: Vec<Vec<u8>> = [0, 1, 100, BLOCK - 1, BLOCK, 3 * BLOCK, 7, BLOCK / 2, BLOCK / 2, 1]
            .iter()
            .enumerate()
            .map(|(number, length)| vec![u8::try_from(number).unwrap(); *length])
            .collect();
        let places: Vec<Place> = strings.iter().map(|string| arena.push(string).unwrap()).collect();
        for (string, place) in strings.iter().zip(places) {
            assert!(arena.get(place).unwrap().starts_with(string));
        }
    }
}
