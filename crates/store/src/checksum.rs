//! CRC64/NVME, the checksum S3 keeps over whole objects.
//!
//! It is chosen because the checksum of a whole object follows from those of its parts, so parts can be
//! sent in any order and the whole still be proved
//! (docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm::Crc64Nvme;

/// The checksum of these bytes.
pub fn crc64nvme(bytes: &[u8]) -> u64 {
    crc_fast::checksum(Crc64Nvme, bytes)
}

/// The checksum of A followed by B, from that of A and that of B and B's length.
pub fn combine(first: u64, second: u64, second_length: u64) -> u64 {
    crc_fast::checksum_combine(Crc64Nvme, first, second, second_length)
}

/// A checksum over bytes as they pass.
pub struct Crc64(crc_fast::Digest);

impl Crc64 {
    /// Of nothing yet.
    pub fn new() -> Self {
        Self(crc_fast::Digest::new(Crc64Nvme))
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of all bytes added so far.
    pub fn value(&self) -> u64 {
        self.0.finalize()
    }
}

impl Default for Crc64 {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Crc64 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Crc64({:016x})", self.value())
    }
}

/// As S3 writes it: base64 of the eight bytes, most significant first.
pub fn to_base64(crc: u64) -> String {
    STANDARD.encode(crc.to_be_bytes())
}

/// Reads what S3 writes. `None` if it is not a full-object checksum (those of composite type end in `-N`).
pub fn from_base64(text: &str) -> Option<u64> {
    let bytes: [u8; 8] = STANDARD.decode(text).ok()?.try_into().ok()?;
    Some(u64::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of CRC-64/NVME in the catalogue of parametrised CRC algorithms.
    #[test]
    fn the_check_value_of_the_catalogue_comes_out() {
        assert_eq!(crc64nvme(b"123456789"), 0xae8b_1486_0a79_9888);
    }

    #[test]
    fn parts_combine_to_the_whole() {
        let all: Vec<u8> = (0..10_000_u32).flat_map(u32::to_le_bytes).collect();
        for cut in [0, 1, 7, 20_000, all.len()] {
            let (a, b) = all.split_at(cut);
            let whole = combine(crc64nvme(a), crc64nvme(b), b.len() as u64);
            assert_eq!(whole, crc64nvme(&all), "cut at {cut}");
        }
    }

    #[test]
    fn base64_goes_there_and_back_and_a_composite_is_refused() {
        assert_eq!(from_base64(&to_base64(u64::MAX - 5)), Some(u64::MAX - 5));
        assert_eq!(from_base64(&format!("{}-3", to_base64(1))), None);
        assert_eq!(from_base64(""), None);
    }
}
