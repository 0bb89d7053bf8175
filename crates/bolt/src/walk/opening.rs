//! Finding the meta page in force, with a few small reads.

use super::ReadAt;
use super::node::read;
use crate::error::{BoltError, MetaFlaw};
use crate::limits::Limits;
use crate::meta::{META_END, Meta, SMALLEST_PAGE, check_page_size};

/// Reads the meta pages as `bbolt.Open` does (`db.getPageSize`, `db.meta`): the first names the page size and so where the
/// second is; when it cannot be used, the second is looked for at every page size there is.
pub(super) fn meta<R: ReadAt>(source: &R, size: u64, limits: &Limits) -> Result<Meta, BoltError> {
    if size < META_END as u64 {
        return Err(BoltError::TruncatedMeta { got: size });
    }
    let first = at(source, size, 0)?;
    if let Ok(meta) = first {
        check_page_size(meta.page_size, limits)?;
        let second = at(source, size, meta.page_size)?.and_then(|second| placed(second, meta.page_size));
        return Ok(Meta::choose(first, second)?);
    }
    let mut page_size = SMALLEST_PAGE;
    while page_size <= limits.page_size {
        let second = at(source, size, page_size)?.and_then(|second| placed(second, page_size));
        if second.is_ok() {
            return Ok(Meta::choose(first, second)?);
        }
        page_size = page_size.saturating_mul(2);
    }
    Ok(Meta::choose(first, Err(MetaFlaw::Magic))?)
}

/// The meta page at an offset.
fn at<R: ReadAt>(source: &R, size: u64, offset: u32) -> Result<Result<Meta, MetaFlaw>, BoltError> {
    let offset = u64::from(offset);
    if offset.saturating_add(META_END as u64) > size {
        return Ok(Err(MetaFlaw::Short));
    }
    let mut bytes = [0; META_END];
    read(source, &mut bytes, offset, u64::from(offset > 0))?;
    Ok(Meta::parse(&bytes))
}

/// A second meta page has to lie where its own page size puts it.
fn placed(meta: Meta, offset: u32) -> Result<Meta, MetaFlaw> {
    if meta.page_size == offset {
        Ok(meta)
    } else {
        Err(MetaFlaw::Magic)
    }
}
