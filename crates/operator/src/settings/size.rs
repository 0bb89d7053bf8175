//! Sizes on a command line.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use thiserror::Error;

/// A number of bytes, written as Kubernetes writes memory: `512Ki`, `64Mi`, `2Gi`, or a plain number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// The text is not a size.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ByteSizeError {
    /// No number before the unit.
    #[error("not a size: expected a number of bytes with Ki, Mi or Gi, such as 64Mi")]
    Number(#[source] ParseIntError),
    /// More than a machine can count.
    #[error("the size is too large")]
    TooLarge,
}

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let units = [("Ki", 1_u64 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30)];
        let (digits, scale) = units
            .iter()
            .find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, *scale)))
            .unwrap_or((text, 1));
        let number: u64 = digits.parse().map_err(ByteSizeError::Number)?;
        number.checked_mul(scale).map(Self).ok_or(ByteSizeError::TooLarge)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_kubernetes_writes_them() {
        for (text, bytes) in [
            ("0", 0),
            ("1024", 1024),
            ("512Ki", 524_288),
            ("64Mi", 67_108_864),
            ("2Gi", 2_147_483_648),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)));
        }
    }
}
