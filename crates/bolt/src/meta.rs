//! Meta pages (`bbolt/internal/common/meta.go`).

use crate::error::{BoltError, MetaFlaw};
use crate::limits::Limits;
use crate::little_endian::{u32, u64};
use crate::page;

/// `common.Magic`.
pub(crate) const MAGIC: u32 = 0xED0C_DAED;
/// `common.Version`.
pub(crate) const VERSION: u32 = 2;
/// `common.PgidNoFreelist`: the list of free pages is not written; it is found again by walking the trees.
pub(crate) const NO_FREELIST: u64 = u64::MAX;
/// Bytes of a meta record behind the page header.
const LENGTH: usize = 64;
/// Bytes of the record that its checksum covers.
pub(crate) const CHECKED: usize = 56;

/// Bytes from the start of a meta page that have to be there to read it.
pub(crate) const META_END: usize = page::HEADER + LENGTH;
/// Smallest page size, and where bbolt begins to look for the second meta page (`db.getPageSizeFromSecondMeta`).
pub(crate) const SMALLEST_PAGE: u32 = 1024;

/// What the meta page of one transaction says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// Bytes in a page.
    pub page_size: u32,
    /// Page where the tree of buckets starts.
    pub root: u64,
    /// Page of the list of free pages; `None` when it is not kept (etcd on Linux never keeps it).
    pub freelist: Option<u64>,
    /// The high-water mark: the number of pages, meta pages included.
    pub pages: u64,
    /// The transaction that wrote this page.
    pub txid: u64,
}

impl Meta {
    /// Reads a meta page and validates it as `Meta.Validate` does: magic number, version, checksum.
    pub fn parse(page: &[u8]) -> Result<Self, MetaFlaw> {
        let record = page.get(page::HEADER..META_END).ok_or(MetaFlaw::Short)?;
        let int32 = |at| u32(record, at).ok_or(MetaFlaw::Short);
        let int64 = |at| u64(record, at).ok_or(MetaFlaw::Short);

        match int32(0)? {
            MAGIC => {}
            other if other.swap_bytes() == MAGIC => return Err(MetaFlaw::BigEndian),
            _ => return Err(MetaFlaw::Magic),
        }
        match int32(4)? {
            VERSION => {}
            other => return Err(MetaFlaw::Version(other)),
        }
        let checked = record.get(..CHECKED).ok_or(MetaFlaw::Short)?;
        if fnv1a(checked) != int64(CHECKED)? {
            return Err(MetaFlaw::Checksum);
        }
        Ok(Self {
            page_size: int32(8)?,
            root: int64(16)?,
            freelist: Some(int64(32)?).filter(|page| *page != NO_FREELIST),
            pages: int64(40)?,
            txid: int64(48)?,
        })
    }

    /// Chooses as `db.meta` does: of the valid ones, the one with the higher transaction number (the first, when equal).
    /// When none is valid, the flaw that says most.
    pub(crate) fn choose(
        first: Result<Self, MetaFlaw>,
        second: Result<Self, MetaFlaw>,
    ) -> Result<Self, MetaFlaw> {
        match (first, second) {
            (Ok(first), Ok(second)) if second.txid > first.txid => Ok(second),
            (Ok(meta), _) | (_, Ok(meta)) => Ok(meta),
            (Err(MetaFlaw::Magic | MetaFlaw::Short), Err(flaw)) | (Err(flaw), Err(_)) => Err(flaw),
        }
    }

    /// Bytes of the database: everything below the high-water mark.
    pub fn database_bytes(&self) -> u64 {
        self.pages.saturating_mul(u64::from(self.page_size))
    }

    /// Checks what bbolt takes on trust: that the page size is one and that the pages named exist.
    pub(crate) fn check(&self, limits: &Limits) -> Result<(), BoltError> {
        check_page_size(self.page_size, limits)?;
        if u32::try_from(self.pages).is_err() {
            return Err(BoltError::TooManyPages { pages: self.pages });
        }
        let named = [
            Some(("root page", self.root)),
            self.freelist.map(|page| ("freelist page", page)),
        ];
        for (what, value) in named.into_iter().flatten() {
            if value < 2 || value >= self.pages {
                return Err(BoltError::MetaOutOfBounds {
                    what,
                    value,
                    pages: self.pages,
                });
            }
        }
        Ok(())
    }
}

/// Refuses page sizes that bbolt does not write.
pub(crate) fn check_page_size(size: u32, limits: &Limits) -> Result<(), BoltError> {
    if size.is_power_of_two() && (SMALLEST_PAGE..=limits.page_size).contains(&size) {
        return Ok(());
    }
    Err(BoltError::PageSize {
        size,
        limit: limits.page_size,
    })
}

/// FNV-1a, 64 bits: `hash/fnv.New64a`.
pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(txid: u64) -> Meta {
        Meta {
            page_size: 4096,
            root: 3,
            freelist: None,
            pages: 4,
            txid,
        }
    }

    #[test]
    fn fnv_is_the_published_one() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn the_valid_meta_with_the_higher_transaction_wins() {
        assert_eq!(Meta::choose(Ok(meta(7)), Ok(meta(6))), Ok(meta(7)));
        assert_eq!(Meta::choose(Ok(meta(6)), Ok(meta(7))), Ok(meta(7)));
        assert_eq!(Meta::choose(Err(MetaFlaw::Checksum), Ok(meta(1))), Ok(meta(1)));
        assert_eq!(Meta::choose(Ok(meta(1)), Err(MetaFlaw::Magic)), Ok(meta(1)));
    }

    #[test]
    fn of_two_flaws_the_telling_one_is_reported() {
        let choose = |first, second| Meta::choose(Err(first), Err(second));
        assert_eq!(
            choose(MetaFlaw::Magic, MetaFlaw::BigEndian),
            Err(MetaFlaw::BigEndian)
        );
        assert_eq!(
            choose(MetaFlaw::Version(1), MetaFlaw::Magic),
            Err(MetaFlaw::Version(1))
        );
    }
}
