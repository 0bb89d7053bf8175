//! From the third page to the last: every page that looks like a node is noted.

use super::LeafVisitor;
use super::freelist::Freelist;
use super::spans::Spans;
use crate::error::BoltError;
use crate::ledger::{Full, Ledger};
use crate::limits::Limits;
use crate::meta::Meta;
use crate::page::{BRANCH, Branch, Flaw, Header, LEAF, Leaf};

/// The first page that is not a meta page.
const FIRST: u32 = 2;

/// State between two pieces.
#[derive(Debug)]
pub(super) struct Pages {
    meta: Meta,
    limits: Limits,
    page_size: usize,
    /// High-water mark.
    end: u32,
    /// The next page to come.
    next: u32,
    /// The beginning of that page, if the last piece ended inside it.
    partial: Vec<u8>,
    spans: Spans,
    ledger: Ledger,
    freelist: Freelist,
}

/// What the proof needs.
pub(super) struct Seen {
    pub(super) meta: Meta,
    pub(super) end: u32,
    pub(super) ledger: Ledger,
    pub(super) freelist: Freelist,
}

impl Pages {
    /// `meta` has been checked: its page size and number of pages fit.
    pub(super) fn new(meta: Meta, limits: Limits) -> Self {
        Self {
            meta,
            limits,
            page_size: usize::try_from(meta.page_size).unwrap_or(usize::MAX),
            end: u32::try_from(meta.pages).unwrap_or(u32::MAX),
            next: FIRST,
            partial: Vec::new(),
            spans: Spans::new(&limits),
            ledger: Ledger::default(),
            freelist: Freelist::new(meta.freelist),
        }
    }

    pub(super) fn meta(&self) -> &Meta {
        &self.meta
    }

    pub(super) fn is_complete(&self) -> bool {
        self.next >= self.end
    }

    /// Takes pages off the front of `rest` until it is empty or the database complete.
    pub(super) fn take(&mut self, rest: &mut &[u8], visitor: &mut impl LeafVisitor) -> Result<(), BoltError> {
        while !self.is_complete() && !rest.is_empty() {
            if self.partial.is_empty() && rest.len() >= self.page_size {
                self.page(rest, visitor)?;
                *rest = rest.get(self.page_size..).unwrap_or_default();
                continue;
            }
            let missing = self.page_size.saturating_sub(self.partial.len());
            let (now, later) = rest.split_at_checked(missing).unwrap_or((rest, &[]));
            self.partial.extend_from_slice(now);
            *rest = later;
            if self.partial.len() == self.page_size {
                let whole = std::mem::take(&mut self.partial);
                self.page(&whole, visitor)?;
                self.partial = whole;
                self.partial.clear();
            }
        }
        Ok(())
    }

    /// Looks at the next page. `bytes` starts with it and may hold some of those behind it.
    fn page(&mut self, bytes: &[u8], visitor: &mut impl LeafVisitor) -> Result<(), BoltError> {
        let page = self.next;
        let own = bytes.get(..self.page_size).unwrap_or(bytes);
        for span in self.spans.feed(own) {
            self.whole(&span.bytes, span.page, span.overflow, visitor)?;
        }
        if let Some(header) = Header::parse(own) {
            if self.freelist.starts_at(page) {
                self.freelist.start(&header);
            } else if header.id == u64::from(page) && matches!(header.flags, BRANCH | LEAF) {
                self.candidate(bytes, page, &header, visitor)?;
            }
        }
        self.freelist.feed(own);
        self.next = page.saturating_add(1);
        self.check_memory()
    }

    /// Notes a node now if its bytes are here, else starts to collect them.
    fn candidate(
        &mut self,
        bytes: &[u8],
        page: u32,
        header: &Header,
        visitor: &mut impl LeafVisitor,
    ) -> Result<(), BoltError> {
        let length = header.pages().saturating_mul(u64::from(self.meta.page_size));
        if u64::from(page).saturating_add(header.pages()) > u64::from(self.end) {
            return self.flawed(page, Flaw::PastTheEnd);
        }
        if length > self.limits.node_bytes {
            return self.flawed(page, Flaw::TooLarge);
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if let Some(node) = bytes.get(..length) {
            return self.whole(node, page, header.overflow, visitor);
        }
        let own = bytes.get(..self.page_size).unwrap_or(bytes);
        match self.spans.start(page, header.overflow, length, own) {
            Some(crowded) => self.flawed(crowded, Flaw::Crowded),
            None => Ok(()),
        }
    }

    /// Notes a node whose bytes are all here.
    fn whole(
        &mut self,
        node: &[u8],
        page: u32,
        overflow: u32,
        visitor: &mut impl LeafVisitor,
    ) -> Result<(), BoltError> {
        let is_branch = Header::parse(node).is_some_and(|header| header.flags == BRANCH);
        let noted = if is_branch {
            match Branch::parse(node) {
                Ok(branch) => self.ledger.branch(page, overflow, &branch),
                Err(flaw) => self.ledger.flawed(page, flaw),
            }
        } else {
            match Leaf::parse(node) {
                Ok(leaf) => {
                    if u64::from(page) == self.meta.root {
                        settle(&leaf, visitor);
                    }
                    let mut ask = |leaf: &Leaf<'_>, memo: &mut Vec<u8>| visitor.leaf(leaf, memo);
                    self.ledger.leaf(page, overflow, &leaf, &mut ask)
                }
                Err(flaw) => self.ledger.flawed(page, flaw),
            }
        };
        self.noted(noted)
    }

    fn flawed(&mut self, page: u32, flaw: Flaw) -> Result<(), BoltError> {
        let noted = self.ledger.flawed(page, flaw);
        self.noted(noted)
    }

    fn noted(&self, result: Result<(), Full>) -> Result<(), BoltError> {
        result.map_err(|Full| BoltError::Memory {
            limit: self.memory_limit(),
        })
    }

    pub(super) fn memory(&self) -> u64 {
        self.ledger.bytes().saturating_add(self.freelist.bytes())
    }

    fn memory_limit(&self) -> u64 {
        let pages = u64::from(self.next).saturating_mul(self.limits.memory_per_page);
        self.limits.memory.saturating_add(pages)
    }

    fn check_memory(&self) -> Result<(), BoltError> {
        if self.memory() > self.memory_limit() {
            return Err(BoltError::Memory {
                limit: self.memory_limit(),
            });
        }
        Ok(())
    }

    /// Hands over what was noted, if every page has passed.
    pub(super) fn complete(self) -> Result<Seen, BoltError> {
        if !self.is_complete() {
            let partial = u64::try_from(self.partial.len()).unwrap_or(u64::MAX);
            let whole = u64::from(self.next).saturating_mul(u64::from(self.meta.page_size));
            let got = whole.saturating_add(partial);
            let expected = self.meta.database_bytes();
            return Err(BoltError::Truncated {
                missing: expected.saturating_sub(got),
                got,
                expected,
            });
        }
        Ok(Seen {
            meta: self.meta,
            end: self.end,
            ledger: self.ledger,
            freelist: self.freelist,
        })
    }
}

/// Tells the visitor of the inline buckets of the root page.
fn settle(root: &Leaf<'_>, visitor: &mut impl LeafVisitor) {
    if !root.holds_buckets() {
        return;
    }
    for item in root.items() {
        if let Ok(bucket) = item.bucket()
            && bucket.root == 0
            && let Ok(leaf) = bucket.leaf()
        {
            visitor.settled(item.key, &leaf);
        }
    }
}
