//! The list of free pages, where it is kept (`bbolt/internal/freelist`).

use crate::bitmap::Bitmap;
use crate::error::BoltError;
use crate::little_endian;
use crate::page::{FREELIST, HEADER, Header};

/// Bytes of a page number.
const ID: usize = 8;
/// A count that does not fit into the header stands in front of the list.
const COUNT_FOLLOWS: u16 = 0xFFFF;

/// Reads the page numbers while the pages that hold them pass. etcd on Linux keeps no list (`NoFreelistSync`).
#[derive(Debug)]
pub(crate) struct Freelist {
    page: Option<u64>,
    header: Option<Header>,
    /// Pages of the list still to come.
    pages_left: u64,
    /// Bytes to skip before the list starts.
    skip: usize,
    /// Page numbers still to come; `None` while the count itself is.
    left: Option<u64>,
    ids: Vec<u32>,
    out_of_bounds: bool,
}

impl Freelist {
    pub(crate) fn new(page: Option<u64>) -> Self {
        Self {
            page,
            header: None,
            pages_left: 0,
            skip: 0,
            left: None,
            ids: Vec::new(),
            out_of_bounds: false,
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        u64::try_from(self.ids.capacity())
            .unwrap_or(u64::MAX)
            .saturating_mul(4)
    }

    pub(crate) fn starts_at(&self, page: u32) -> bool {
        self.page == Some(u64::from(page))
    }

    /// The first page of the list is next.
    pub(crate) fn start(&mut self, header: &Header) {
        self.header = Some(*header);
        if header.flags != FREELIST || Some(header.id) != self.page {
            return;
        }
        self.pages_left = header.pages();
        self.skip = HEADER;
        self.left = (header.count != COUNT_FOLLOWS).then_some(u64::from(header.count));
    }

    /// A page passes. Page sizes are multiples of eight, so no number lies across two pages.
    pub(crate) fn feed(&mut self, page: &[u8]) {
        if self.pages_left == 0 {
            return;
        }
        self.pages_left = self.pages_left.saturating_sub(1);
        let list = page.get(self.skip..).unwrap_or_default();
        self.skip = 0;
        for number in list.as_chunks::<ID>().0 {
            let number = little_endian::u64(number, 0).unwrap_or(u64::MAX);
            match &mut self.left {
                None => self.left = Some(number),
                Some(0) => return,
                Some(left) => {
                    *left = left.saturating_sub(1);
                    match u32::try_from(number) {
                        Ok(id) => self.ids.push(id),
                        Err(_) => self.out_of_bounds = true,
                    }
                }
            }
        }
    }

    /// Holds the list against what was reached, marking in `reached` the pages that hold the list itself. Then every page
    /// has to be one or the other.
    pub(crate) fn check(&self, end: u32, reached: &mut Bitmap) -> Result<(), BoltError> {
        let (Some(page), Some(header)) = (self.page, self.header) else {
            return Ok(());
        };
        let wrong = |why| Err(BoltError::Freelist { page, why });
        if header.flags != FREELIST || header.id != page {
            return wrong("it is no freelist page");
        }
        if page.saturating_add(header.pages()) > u64::from(end) {
            return wrong("it runs over the end of the database");
        }
        if self.left != Some(0) {
            return wrong("it holds fewer page numbers than it counts");
        }
        if self.out_of_bounds {
            return wrong("it lists a page that does not exist");
        }
        for page in (page..).take(usize::try_from(header.pages()).unwrap_or(usize::MAX)) {
            if !reached.insert(page) {
                return Err(BoltError::ReferencedTwice { page });
            }
        }
        let mut freed = Bitmap::new(end);
        for id in self.ids.iter().map(|id| u64::from(*id)) {
            if id < 2 || id >= u64::from(end) {
                return wrong("it lists a page that does not exist");
            }
            if !freed.insert(id) {
                return Err(BoltError::FreedTwice { page: id });
            }
            if reached.contains(id) {
                return Err(BoltError::ReachableFreed { page: id });
            }
        }
        match (2..u64::from(end)).find(|page| !reached.contains(*page) && !freed.contains(*page)) {
            Some(page) => Err(BoltError::UnreachableUnfreed { page }),
            None => Ok(()),
        }
    }
}
