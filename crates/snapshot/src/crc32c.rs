//! CRC-32C (Castagnoli), and the CRC of two strings from theirs.
//!
//! The database's leaves pass in the order of the file but count in the order of keys. So each leaf gets a CRC of its
//! own, and they are put together at the end. It works because appending `n` zero bytes multiplies a CRC, seen as a
//! polynomial over GF(2), by `x^(8n)` modulo the CRC's polynomial; equal initial and final inversions cancel.

/// CRC-32C as Go's `crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))`.
pub(crate) fn checksum(data: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(data)
}

/// Castagnoli's polynomial, lowest power in the highest bit.
const POLYNOMIAL: u32 = 0x82F6_3B78;
/// `x^0` in that order of bits.
const ONE: u32 = 1 << 31;
/// `x^8`.
const BYTE: u32 = ONE >> 8;

/// A string under construction: its CRC so far.
#[derive(Debug, Clone)]
pub(crate) struct Joined {
    crc: u32,
    zeros: ZeroBytes,
}

impl Joined {
    /// Starts with a string.
    pub(crate) fn new(start: &[u8]) -> Self {
        Self {
            crc: checksum(start),
            zeros: ZeroBytes::new(),
        }
    }

    /// Appends a string of which only CRC and length are known.
    pub(crate) fn append(&mut self, crc: u32, length: u64) {
        self.crc = multiply(self.zeros.operator(length), self.crc) ^ crc;
    }

    /// Appends a string.
    pub(crate) fn append_bytes(&mut self, bytes: &[u8]) {
        self.append(checksum(bytes), u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    }

    pub(crate) fn finish(&self) -> u32 {
        self.crc
    }
}

/// `x^(8n)` by the digits of `n` to the base 256.
#[derive(Debug, Clone)]
struct ZeroBytes(Vec<[u32; 256]>);

impl ZeroBytes {
    /// Digits of a length: 2^32 bytes and more are taken digit by digit as well, up to 2^48.
    const DIGITS: usize = 6;

    fn new() -> Self {
        let mut step = BYTE;
        let mut tables = Vec::with_capacity(Self::DIGITS);
        for _ in 0..Self::DIGITS {
            let mut power = ONE;
            let table = std::array::from_fn(|_| {
                let this = power;
                power = multiply(power, step);
                this
            });
            tables.push(table);
            step = power;
        }
        Self(tables)
    }

    fn operator(&self, length: u64) -> u32 {
        let digits = length.to_le_bytes();
        let powers = self.0.iter().zip(digits).filter(|(_, digit)| *digit != 0);
        powers.fold(ONE, |product, (table, digit)| {
            let power = table.get(usize::from(digit)).copied().unwrap_or(ONE);
            if product == ONE {
                power
            } else {
                multiply(product, power)
            }
        })
    }
}

/// Product of two polynomials modulo Castagnoli's, without branches on their bits.
fn multiply(left: u32, mut right: u32) -> u32 {
    let mut product = 0;
    for bit in (0..32).rev() {
        product ^= right & ((left >> bit) & 1).wrapping_neg();
        right = (right >> 1) ^ (POLYNOMIAL & (right & 1).wrapping_neg());
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_check_value_is_castagnolis() {
        assert_eq!(checksum(b"123456789"), 0xE306_9283);
        assert_eq!(checksum(b""), 0);
    }

    proptest! {
        #[test]
        fn joined_strings_have_the_crc_of_the_whole(
            parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..700), 0..8),
        ) {
            let mut joined = Joined::new(b"key");
            for part in &parts {
                joined.append(checksum(part), part.len() as u64);
            }
            let whole = [b"key".to_vec(), parts.concat()].concat();
            prop_assert_eq!(joined.finish(), checksum(&whole));
        }
    }

    #[test]
    fn long_strings_join_too() {
        let long = vec![7; 70_000];
        let mut joined = Joined::new(b"a");
        joined.append(checksum(&long), 70_000);
        assert_eq!(joined.finish(), checksum(&[b"a".to_vec(), long].concat()));
    }

    #[test]
    fn it_agrees_with_the_libraries_own_combination_at_any_length() {
        for length in [1, 255, 256, 65_536, 1 << 24, (1 << 32) + 12_345, 1 << 40] {
            let mut joined = Joined::new(b"x");
            joined.append(0x1234_5678, length);
            let expected = crc_fast::checksum_combine(
                crc_fast::CrcAlgorithm::Crc32Iscsi,
                u64::from(checksum(b"x")),
                0x1234_5678,
                length,
            );
            assert_eq!(u64::from(joined.finish()), expected, "{length}");
        }
    }
}
