//! Reading whole databases, by walking and in memory.

use std::cell::RefCell;
use std::io;

use etcd_backup_bolt::walk::{Bolt, ReadAt, Walk};
use etcd_backup_bolt::{BoltError, Limits};

pub(crate) use crate::memory_reader::{Contents, Pairs, read};

/// A full pass, in which no page may be reached twice.
pub(crate) fn walk(file: &[u8]) -> Result<Contents, BoltError> {
    walk_within(file, Limits::default())
}

/// Likewise, within limits.
pub(crate) fn walk_within(file: &[u8], limits: Limits) -> Result<Contents, BoltError> {
    let bolt = Bolt::open(Once::of(file), limits)?;
    let mut reached = bolt.reached()?;
    let mut contents = Vec::new();
    for bucket in bolt.buckets()? {
        let pairs = rest(&mut bucket.walk_once(&mut reached))?;
        contents.push((bucket.name().to_vec(), bucket.sequence(), pairs));
    }
    reached.finish(&bolt)?;
    Ok(contents)
}

/// A file of which nothing may be read that is not wanted again, however damaged it is.
struct Once<'f> {
    file: &'f [u8],
    /// One for each [`UNIT`].
    done: RefCell<Vec<bool>>,
}

/// No page is smaller, and all begin at a multiple of it.
const UNIT: usize = 512;

impl<'f> Once<'f> {
    fn of(file: &'f [u8]) -> Self {
        let done = RefCell::new(vec![false; file.len().div_ceil(UNIT)]);
        Self { file, done }
    }
}

impl ReadAt for Once<'_> {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let (start, end) = (
            offset as usize / UNIT,
            (offset as usize + buf.len()).div_ceil(UNIT),
        );
        if let Some(read) = self.done.borrow().get(start..end) {
            assert!(!read.contains(&true), "{} bytes at {offset}", buf.len());
        }
        self.file.read_exact_at(buf, offset)
    }

    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn done(&self, offset: u64, length: u64) {
        let (start, end) = (offset as usize / UNIT, (offset + length) as usize / UNIT);
        let mut done = self.done.borrow_mut();
        assert!(
            !done[start..end].contains(&true),
            "{length} bytes at {offset}, twice"
        );
        done[start..end].fill(true);
    }
}

/// What a walk still has to lend.
pub(crate) fn rest<R: ReadAt>(walk: &mut Walk<'_, R>) -> Result<Pairs, BoltError> {
    let mut pairs = Vec::new();
    while let Some((key, value)) = walk.next()? {
        pairs.push((key.to_vec(), value.to_vec()));
    }
    Ok(pairs)
}
