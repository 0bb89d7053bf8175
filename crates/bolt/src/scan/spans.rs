//! Nodes of several pages, put together while their pages pass.

use crate::limits::Limits;

/// Nodes that are not complete yet. A sound one overlaps no other, but a stale header may claim pages that hold live
/// nodes by now, so several are kept at a time.
#[derive(Debug)]
pub(super) struct Spans {
    open: Vec<Span>,
    most: usize,
    room: u64,
}

/// A node and its bytes so far.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) page: u32,
    pub(super) overflow: u32,
    pub(super) bytes: Vec<u8>,
    length: usize,
}

impl Spans {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            open: Vec::new(),
            most: limits.overlapping.max(1),
            room: limits.node_bytes,
        }
    }

    /// Starts to collect a node of `length` bytes. When there are too many, or together they may become too large, the
    /// longest is given up and its page returned: what a forged value wants to keep open has to be long.
    pub(super) fn start(&mut self, page: u32, overflow: u32, length: usize, first: &[u8]) -> Option<u32> {
        // Reserved whole, so it never moves; a page of it costs memory only once it is filled.
        let mut bytes = Vec::with_capacity(length);
        bytes.extend_from_slice(first);
        self.open.push(Span {
            page,
            overflow,
            bytes,
            length,
        });
        if self.open.len() <= self.most && self.claimed() <= self.room {
            return None;
        }
        let longest = self
            .open
            .iter()
            .enumerate()
            .max_by_key(|(_, span)| span.length)?
            .0;
        Some(self.open.swap_remove(longest).page)
    }

    /// What the open nodes will hold when complete.
    fn claimed(&self) -> u64 {
        self.open.iter().fold(0, |sum, span| {
            sum.saturating_add(u64::try_from(span.length).unwrap_or(u64::MAX))
        })
    }

    /// Gives a page to every open node, and returns those that it completes.
    pub(super) fn feed(&mut self, page: &[u8]) -> Vec<Span> {
        if self.open.is_empty() {
            return Vec::new();
        }
        for span in &mut self.open {
            span.bytes.extend_from_slice(page);
        }
        self.open
            .extract_if(.., |span| span.bytes.len() >= span.length)
            .collect()
    }
}
