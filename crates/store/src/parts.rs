//! The rules of parts, the same for every store.

use crate::{Context, Operation, StoreError};

/// 8 MiB × 10,000 parts is 78 GiB, ten times what etcd recommends, and (parts in flight + 1) × 8 MiB fits
/// a small container. An upload that is known to be larger has larger parts.
pub(crate) const DEFAULT_PART_SIZE: usize = 8 * 1024 * 1024;

/// The most parts an S3 upload may have
/// (docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
pub(crate) const MAX_PARTS: u32 = 10_000;

/// The largest part of an S3 upload: 5 GiB (same page), so 48.8 TiB for all parts together.
const LARGEST_PART: u64 = 5 << 30;

/// Parts grow by whole MiB.
const STEP: u64 = 1 << 20;

/// The size of every part but the last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PartSize(usize);

impl PartSize {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(self) -> usize {
        self.0
    }

    /// This size, or as much more as lets so many bytes fit into the parts that there may be.
    pub(crate) fn fitting(self, total: u64) -> Self {
        let needed = total.div_ceil(u64::from(MAX_PARTS));
        if needed <= self.0 as u64 {
            return self;
        }
        let grown = needed.div_ceil(STEP).saturating_mul(STEP).min(LARGEST_PART);
        Self(usize::try_from(grown).unwrap_or(usize::MAX))
    }

    /// Checks one part by itself.
    pub(crate) fn check(self, number: u32, length: usize, key: &str) -> Result<(), StoreError> {
        let why = if !(1..=MAX_PARTS).contains(&number) {
            "part numbers go from 1 to 10000"
        } else if length == 0 {
            "a part is empty"
        } else if length > self.0 {
            "a part is larger than the part size"
        } else {
            return Ok(());
        };
        Err(refuse(Operation::UploadPart, key, why))
    }

    /// Checks all parts together, in ascending order of their numbers; answers their total length.
    pub(crate) fn check_all(
        self,
        parts: impl Iterator<Item = (u32, usize)>,
        key: &str,
    ) -> Result<u64, StoreError> {
        let refuse = |why| Err(refuse(Operation::CompleteUpload, key, why));
        let mut total = 0;
        let mut expected = 1;
        let mut last_was_short = false;
        for (number, length) in parts {
            if number != expected {
                return refuse("a part is missing");
            }
            if last_was_short {
                return refuse("a part before the last is shorter than the part size");
            }
            last_was_short = length < self.0;
            expected += 1;
            total += length as u64;
        }
        if expected == 1 {
            return refuse("there are no parts");
        }
        Ok(total)
    }
}

fn refuse(operation: Operation, key: &str, why: &'static str) -> StoreError {
    StoreError::InvalidRequest {
        at: Context::new(operation).key(key).boxed(),
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_full_but_the_last_and_numbered_without_gaps() {
        let size = PartSize::new(10);
        let total = |parts: &[(u32, usize)]| size.check_all(parts.iter().copied(), "k").ok();
        assert_eq!(total(&[(1, 10), (2, 10), (3, 1)]), Some(21));
        assert_eq!(total(&[(1, 3)]), Some(3));
        assert_eq!(total(&[]), None);
        assert_eq!(total(&[(2, 10)]), None);
        assert_eq!(total(&[(1, 10), (3, 10)]), None);
        assert_eq!(total(&[(1, 9), (2, 10)]), None);
    }

    #[test]
    fn parts_grow_only_where_so_many_would_not_fit_and_only_so_far() {
        let fitting = |total| PartSize::new(DEFAULT_PART_SIZE).fitting(total).bytes() as u64;
        let parts = u64::from(MAX_PARTS);
        for (total, expected) in [
            (0, 8 << 20),
            // What etcd recommends at most.
            (8 << 30, 8 << 20),
            (parts * (8 << 20), 8 << 20),
            (parts * (8 << 20) + 1, 9 << 20),
            (100 << 30, 11 << 20),
            (5 << 40, 525 << 20),
            (parts * LARGEST_PART, LARGEST_PART),
            (u64::MAX, LARGEST_PART),
        ] {
            assert_eq!(fitting(total), expected, "{total}");
            assert!(total > parts * LARGEST_PART || fitting(total) * parts >= total);
        }
    }

    #[test]
    fn a_single_part_has_bounds() {
        let size = PartSize::new(10);
        assert!(size.check(1, 10, "k").is_ok());
        assert!(size.check(0, 10, "k").is_err());
        assert!(size.check(10_001, 10, "k").is_err());
        assert!(size.check(1, 0, "k").is_err());
        assert!(size.check(1, 11, "k").is_err());
    }
}
