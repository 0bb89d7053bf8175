//! A snapshot that comes but once, kept in a file of our own while the new database is built from it.
//!
//! Building reads each page once. Where the disk has no room for all of the database beside the snapshot, what was read is given
//! back to it (a hole is punched into the file), so that both together take about one copy. Where there is room nothing is given
//! back: filesystems write what they still have in memory before they make a hole of it (XFS, and ext4 of older kernels), where
//! a file that is removed needs not be written at all.
//!
//! Only this type makes holes, and only in a file that it has created itself: it cannot be made of a file that is there.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use etcd_backup_bolt::walk::ReadAt;
use rustix::fs::{FallocateFlags, fallocate};

use super::disk;
use super::error::RestoreError;
use crate::directory::{Directory, Failed};

/// What is given back at once, and a block of most filesystems. etcd's pages are as large, or a multiple.
const BLOCK: u64 = 4096;
/// After so many bytes were read it is looked at how much is free.
const BETWEEN_LOOKS: u64 = 4 << 20;
/// So many bytes are to be free when all is built: more than is on its way to the disk at any time.
const SPARE: u64 = 32 << 20;

/// Such a file.
#[derive(Debug)]
pub(super) struct Spool {
    file: File,
    path: PathBuf,
    length: u64,
    read: RefCell<Read>,
}

/// What was read for the last time.
#[derive(Debug, Default)]
struct Read {
    /// One for each block, as far as any was read.
    blocks: Vec<Block>,
    /// From the first to behind the last block that was read and is not given back.
    from: usize,
    to: usize,
    /// Bytes, in all and since free space was looked at.
    bytes: u64,
    unlooked: u64,
    /// There is no room for both. It stays so: others need what is free, too.
    short: bool,
    /// The filesystem makes no holes.
    refused: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Wanted,
    Read,
    GivenBack,
}

impl Spool {
    /// Creates it, empty. There must be nothing of that name.
    pub(super) fn create(directory: &Directory, name: &str) -> Result<Self, RestoreError> {
        Ok(Self {
            file: directory.create_file(name)?,
            path: directory.at(name),
            length: 0,
            read: RefCell::default(),
        })
    }

    /// Adds bytes at its end.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), RestoreError> {
        (&self.file)
            .write_all(bytes)
            .map_err(Failed::at("write", &self.path))?;
        let length = u64::try_from(bytes.len()).unwrap_or(0);
        self.length = self.length.saturating_add(length);
        Ok(())
    }

    /// Whether what was read can be counted on to be free space again at once.
    pub(super) fn gives_back(&self) -> bool {
        disk::frees_at_once(&self.file) && self.punch(0, BLOCK).is_ok()
    }

    fn punch(&self, offset: u64, length: u64) -> rustix::io::Result<()> {
        #[cfg(test)]
        if disk::told::DISK.get().holes == Some(false) {
            return Err(rustix::io::Errno::OPNOTSUPP);
        }
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        fallocate(&self.file, hole, offset, length)
    }

    /// Whether the disk has no room for what is not read yet and a bit more.
    fn is_short(&self, read: &Read) -> bool {
        let needed = self.length.saturating_sub(read.bytes).saturating_add(SPARE);
        disk::is_short(&self.file, needed)
    }

    /// Gives back what was read. What the filesystem does not take stays, and is asked for again with the next; one that can make no
    /// holes is not asked again.
    fn give_back(&self, read: &mut Read) {
        let mut left = None;
        while let Some((start, end)) = read.next_run() {
            let bytes = |block: usize| u64::try_from(block).unwrap_or(0).saturating_mul(BLOCK);
            match self.punch(bytes(start), bytes(end.saturating_sub(start))) {
                Ok(()) => read.set(start, end, Block::GivenBack),
                Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
                    read.refused = true;
                    return;
                }
                Err(_) => left = left.or(Some((start, read.to))),
            }
            read.from = end;
        }
        (read.from, read.to) = left.unwrap_or((usize::MAX, 0));
    }
}

impl Read {
    /// Whether none of these bytes was read for the last time.
    fn is_wanted(&self, offset: u64, length: usize) -> bool {
        let end = offset.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        let blocks = self.blocks.get(index(offset / BLOCK)..).unwrap_or_default();
        let count = index(end.div_ceil(BLOCK).saturating_sub(offset / BLOCK));
        blocks.iter().take(count).all(|block| *block == Block::Wanted)
    }

    /// Notes the blocks that lie whole in what was read.
    fn add(&mut self, offset: u64, length: u64) {
        let start = index(offset.div_ceil(BLOCK));
        let end = index(offset.saturating_add(length) / BLOCK);
        self.bytes = self.bytes.saturating_add(length);
        self.unlooked = self.unlooked.saturating_add(length);
        if start < end {
            self.set(start, end, Block::Read);
            self.from = self.from.min(start);
            self.to = self.to.max(end);
        }
    }

    fn set(&mut self, start: usize, end: usize, to: Block) {
        if self.blocks.len() < end {
            self.blocks.resize(end, Block::Wanted);
        }
        self.blocks.get_mut(start..end).unwrap_or_default().fill(to);
    }

    /// The first blocks, one behind the other, that were read and are not given back.
    fn next_run(&self) -> Option<(usize, usize)> {
        let there = self.blocks.get(self.from..self.to)?;
        let start = there.iter().position(|block| *block == Block::Read)?;
        let behind = there.iter().skip(start);
        let length = behind.take_while(|block| **block == Block::Read).count();
        let start = self.from.saturating_add(start);
        Some((start, start.saturating_add(length)))
    }
}

fn index(block: u64) -> usize {
    usize::try_from(block).unwrap_or(usize::MAX)
}

impl ReadAt for Spool {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        if !self.read.borrow().is_wanted(offset, buf.len()) {
            // Told whether it was given back or not, so that it cannot hide where there is room.
            return Err(io::Error::other(format!(
                "the {} bytes at {offset} were read for the last time before",
                buf.len()
            )));
        }
        FileExt::read_exact_at(&self.file, buf, offset)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.length)
    }

    fn done(&self, offset: u64, length: u64) {
        let mut read = self.read.borrow_mut();
        read.add(offset, length);
        if read.unlooked >= BETWEEN_LOOKS && !read.refused {
            read.unlooked = 0;
            read.short = read.short || self.is_short(&read);
            if read.short {
                self.give_back(&mut read);
            }
        }
    }
}

#[cfg(test)]
mod tests;
