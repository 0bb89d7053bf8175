//! The first two pages: finding the page size and the meta page in force.

use crate::error::{BoltError, MetaFlaw};
use crate::limits::Limits;
use crate::meta::{META_END, Meta, SMALLEST_PAGE, check_page_size};

/// Collects the two meta pages.
#[derive(Debug, Default)]
pub(super) struct Opening {
    bytes: Vec<u8>,
}

/// What the bytes so far allow.
enum Verdict {
    /// More bytes are needed: so many in all.
    Need(usize),
    Done(Meta),
}

impl Opening {
    /// Takes what is needed off `rest`. Returns the meta page once both have been read to their end.
    pub(super) fn fill(&mut self, rest: &mut &[u8], limits: &Limits) -> Result<Option<Meta>, BoltError> {
        loop {
            let need = match self.verdict(limits)? {
                Verdict::Done(meta) => return Ok(Some(meta)),
                Verdict::Need(need) => need,
            };
            let missing = need.saturating_sub(self.bytes.len());
            let (now, later) = rest.split_at_checked(missing).unwrap_or((rest, &[]));
            self.bytes.extend_from_slice(now);
            *rest = later;
            if now.len() < missing {
                return Ok(None);
            }
        }
    }

    /// The first page says the page size. If it is damaged, bbolt looks for the second one at every power of two
    /// (`db.getPageSizeFromSecondMeta`).
    fn verdict(&self, limits: &Limits) -> Result<Verdict, BoltError> {
        if self.bytes.len() < META_END {
            return Ok(Verdict::Need(META_END));
        }
        let first = Meta::parse(&self.bytes);
        let mut size = SMALLEST_PAGE;
        match first {
            Ok(meta) => {
                check_page_size(meta.page_size, limits)?;
                size = meta.page_size;
            }
            Err(MetaFlaw::BigEndian) => return Err(MetaFlaw::BigEndian.into()),
            Err(_) => {}
        }
        loop {
            let start = usize::try_from(size).unwrap_or(usize::MAX);
            let (Some(head), Some(end)) = (start.checked_add(META_END), start.checked_mul(2)) else {
                return Err(BoltError::PageSize {
                    size,
                    limit: limits.page_size,
                });
            };
            if self.bytes.len() < head {
                return Ok(Verdict::Need(head));
            }
            let second = Meta::parse(self.bytes.get(start..).unwrap_or_default()).and_then(|meta| {
                if meta.page_size == size {
                    Ok(meta)
                } else {
                    Err(MetaFlaw::Magic)
                }
            });
            if first.is_ok() || second.is_ok() {
                let meta = Meta::choose(first, second)?;
                meta.check(limits)?;
                return Ok(if self.bytes.len() < end {
                    Verdict::Need(end)
                } else {
                    Verdict::Done(meta)
                });
            }
            size = size.saturating_mul(2);
            if size > limits.page_size {
                return Err(Meta::choose(first, second).map_or_else(BoltError::from, |_| BoltError::Ended));
            }
        }
    }

    /// The error for a file that ends here.
    pub(super) fn cut_short(&self) -> BoltError {
        match Meta::parse(&self.bytes) {
            Err(flaw @ (MetaFlaw::Magic | MetaFlaw::BigEndian | MetaFlaw::Version(_))) => flaw.into(),
            Ok(meta) => BoltError::Truncated {
                missing: meta.database_bytes().saturating_sub(self.len()),
                got: self.len(),
                expected: meta.database_bytes(),
            },
            Err(_) => BoltError::TruncatedMeta { got: self.len() },
        }
    }

    fn len(&self) -> u64 {
        u64::try_from(self.bytes.len()).unwrap_or(u64::MAX)
    }
}
