//! The meta pages of a new database.

use crate::meta::{CHECKED, MAGIC, META_END, NO_FREELIST, VERSION, fnv1a};
use crate::page::HEADER;

/// The header's flag of a meta page (`common.MetaPageFlag`).
const META: u16 = 4;

/// The two meta pages, which make a file a database once they stand at its front.
#[derive(Debug, Clone)]
pub struct Head {
    page_size: usize,
    root: u64,
    pages: u64,
}

impl Head {
    pub(super) fn new(page_size: usize, root: u64, pages: u64) -> Self {
        Self {
            page_size,
            root,
            pages,
        }
    }

    /// Bytes of the whole database, these included.
    pub fn database_bytes(&self) -> u64 {
        u64::try_from(self.page_size).map_or(u64::MAX, |size| size.saturating_mul(self.pages))
    }

    /// Both pages, as `Tx.WriteTo` has them in a copy: the same tree in both, transaction 2 in page 0 and 1 in page 1, so
    /// that the next transaction writes page 1 (`Meta.Write`: page number = transaction modulo 2).
    pub fn bytes(&self) -> Vec<u8> {
        let mut both = self.page(0, 2);
        both.extend(self.page(1, 1));
        both
    }

    fn page(&self, number: u64, txid: u64) -> Vec<u8> {
        let mut page = Vec::with_capacity(self.page_size);
        page.extend(number.to_le_bytes());
        page.extend(META.to_le_bytes());
        page.extend([0; 6]);
        page.extend(MAGIC.to_le_bytes());
        page.extend(VERSION.to_le_bytes());
        page.extend(u32::try_from(self.page_size).unwrap_or(0).to_le_bytes());
        page.extend([0; 4]);
        for field in [self.root, 0, NO_FREELIST, self.pages, txid] {
            page.extend(field.to_le_bytes());
        }
        let checked = HEADER.saturating_add(CHECKED);
        let sum = fnv1a(page.get(HEADER..checked).unwrap_or_default());
        page.extend(sum.to_le_bytes());
        debug_assert_eq!(page.len(), META_END);
        page.resize(self.page_size, 0);
        page
    }
}
