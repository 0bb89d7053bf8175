//! What is remembered of every page that looks like a node, packed.
//!
//! The scanner cannot tell live nodes from stale ones before it has seen them all, so it notes what a proof will need of
//! each: its extent, its keys' range or its children, and the visitor's memo. Notes are bytes in an arena, and a table
//! of four bytes a page finds them. An etcd leaf costs about 22 bytes with its entries in the table and in the parent
//! branch, and whatever its memo takes.

mod arena;
mod keys;
mod note;

pub(crate) use note::{BucketNotes, Children, Note};

use crate::page::{Branch, Flaw, Leaf};
use arena::{Arena, Place};

/// Notes on nodes, found by page number.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    arena: Arena,
    places: Places,
    scratch: Vec<u8>,
    answer: Vec<u8>,
    leaves: usize,
}

/// The arena has no more room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

impl Ledger {
    /// Bytes held.
    pub(crate) fn bytes(&self) -> u64 {
        self.arena.bytes().saturating_add(self.places.bytes())
    }

    /// Leaves noted, stale ones included.
    pub(crate) fn leaves(&self) -> usize {
        self.leaves
    }

    pub(crate) fn flawed(&mut self, page: u32, flaw: Flaw) -> Result<(), Full> {
        self.scratch.clear();
        note::write_flawed(&mut self.scratch, flaw);
        self.keep(page)
    }

    pub(crate) fn branch(&mut self, page: u32, overflow: u32, branch: &Branch<'_>) -> Result<(), Full> {
        self.scratch.clear();
        note::write_branch(&mut self.scratch, overflow, branch);
        self.keep(page)
    }

    /// `ask` is called to append what the visitor wants to remember: of the leaf, or of each inline leaf in it.
    pub(crate) fn leaf(
        &mut self,
        page: u32,
        overflow: u32,
        leaf: &Leaf<'_>,
        ask: &mut dyn FnMut(&Leaf<'_>, &mut Vec<u8>),
    ) -> Result<(), Full> {
        self.scratch.clear();
        let mut memo = note::Memo {
            ask,
            answer: std::mem::take(&mut self.answer),
        };
        if leaf.holds_buckets() {
            note::write_buckets(&mut self.scratch, overflow, leaf, &mut memo);
        } else {
            note::write_leaf(&mut self.scratch, overflow, leaf, &mut memo);
        }
        self.answer = memo.answer;
        self.leaves = self.leaves.saturating_add(1);
        self.keep(page)
    }

    fn keep(&mut self, page: u32) -> Result<(), Full> {
        let place = self.arena.push(&self.scratch).ok_or(Full)?;
        self.places.set(page, place);
        Ok(())
    }

    /// Where the note on a page lies; `None` when the page is no node.
    pub(crate) fn place(&self, page: u32) -> Option<Place> {
        self.places.get(page)
    }

    /// Reads a note back; `None` would be a bug.
    pub(crate) fn read(&self, place: Place) -> Option<Note<'_>> {
        Note::read(self.arena.get(place)?)
    }

    /// Gives up the table: from here on notes are found by their place only.
    pub(crate) fn forget_pages(&mut self) {
        self.places = Places::default();
    }
}

pub(crate) use arena::Place as NotePlace;

/// Place of each page's note, in blocks so that growing copies nothing.
#[derive(Debug, Default)]
struct Places {
    blocks: Vec<Vec<Option<Place>>>,
}

impl Places {
    /// Pages in a block.
    const BLOCK: usize = 1 << 14;

    fn split(page: u32) -> (usize, usize) {
        let page = usize::try_from(page).unwrap_or(usize::MAX);
        (page / Self::BLOCK, page % Self::BLOCK)
    }

    fn get(&self, page: u32) -> Option<Place> {
        let (block, slot) = Self::split(page);
        *self.blocks.get(block)?.get(slot)?
    }

    /// Pages come in ascending order, give or take the length of a node, so at most one block is added.
    fn set(&mut self, page: u32, place: Place) {
        let (block, slot) = Self::split(page);
        while self.blocks.len() <= block {
            self.blocks.push(Vec::new());
        }
        if let Some(block) = self.blocks.get_mut(block) {
            if block.is_empty() {
                *block = vec![None; Self::BLOCK];
            }
            if let Some(slot) = block.get_mut(slot) {
                *slot = Some(place);
            }
        }
    }

    fn bytes(&self) -> u64 {
        let blocks = u64::try_from(self.blocks.len()).unwrap_or(u64::MAX);
        blocks.saturating_mul(64 << 10)
    }
}
