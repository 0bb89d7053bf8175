//! Which pages a pass over a whole database has reached.

use super::node::read;
use super::{Bolt, ReadAt};
use crate::bitmap::Bitmap;
use crate::error::BoltError;
use crate::page::{HEADER, Header};
use crate::scan::freelist::Freelist;

/// The pages that walks have reached, one bit each, shared by the walks over all buckets so that no page is part of two
/// places. Made by [`Bolt::reached`].
#[derive(Debug)]
pub struct Reached {
    pages: Bitmap,
    end: u32,
}

impl Reached {
    pub(super) fn new(pages: u64) -> Self {
        let end = u32::try_from(pages).unwrap_or(u32::MAX);
        Self {
            pages: Bitmap::new(end),
            end,
        }
    }

    /// How many pages were reached.
    pub fn count(&self) -> u64 {
        self.pages.count()
    }

    /// Fails for a page that was reached.
    pub(super) fn refuse(&self, page: u64) -> Result<(), BoltError> {
        if self.pages.contains(page) {
            return Err(BoltError::ReferencedTwice { page });
        }
        Ok(())
    }

    /// Marks a node's pages.
    pub(super) fn mark(&mut self, page: u64, header: &Header) -> Result<(), BoltError> {
        let end = page.saturating_add(header.pages());
        match (page..end).find(|page| !self.pages.insert(*page)) {
            Some(page) => Err(BoltError::ReferencedTwice { page }),
            None => Ok(()),
        }
    }

    /// Ends a pass over all buckets: where the database keeps a list of free pages, every page is on it or was reached,
    /// and none is both. etcd on Linux keeps none; then there is nothing to prove.
    pub fn finish<R: ReadAt>(mut self, bolt: &Bolt<R>) -> Result<(), BoltError> {
        let Some(page) = bolt.meta.freelist else {
            return Ok(());
        };
        let mut list = Freelist::new(Some(page));
        let page_size = u64::from(bolt.meta.page_size);
        let mut bytes = vec![0; usize::try_from(page_size).unwrap_or(HEADER)];
        let mut next = page;
        let mut left = 1;
        while left > 0 && next < bolt.meta.pages {
            self.refuse(next)?;
            read(&bolt.source, &mut bytes, next.saturating_mul(page_size), next)?;
            if next == page
                && let Some(header) = Header::parse(&bytes)
            {
                left = header.pages();
                list.start(&header);
            }
            list.feed(&bytes);
            next = next.saturating_add(1);
            left = left.saturating_sub(1);
        }
        list.check(self.end, &mut self.pages)
    }
}
