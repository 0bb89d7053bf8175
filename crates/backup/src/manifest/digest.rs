//! Digests as a manifest writes them: lower-case hexadecimal digits, most significant byte first.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A SHA-256 digest, written as `sha256sum` prints it: 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256(pub [u8; 32]);

/// A CRC-64/NVME, the checksum that S3 computes over whole objects, written as 16 lower-case hexadecimal digits.
/// (S3's own headers carry the same eight bytes in base 64.)
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Crc64Nvme(pub u64);

fn lower_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for Sha256 {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "a SHA-256 is written as 64 lower-case hexadecimal digits";
        let mut digest = [0; 32];
        if !lower_hex(text) {
            return Err(wrong);
        }
        hex::decode_to_slice(text, &mut digest).map_err(|_| wrong)?;
        Ok(Self(digest))
    }
}

impl fmt::Display for Crc64Nvme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Crc64Nvme {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "a CRC-64/NVME is written as 16 lower-case hexadecimal digits";
        if text.len() != 16 || !lower_hex(text) {
            return Err(wrong);
        }
        u64::from_str_radix(text, 16).map(Self).map_err(|_| wrong)
    }
}

macro_rules! written_as_text {
    ($($kind:ident),*) => {$(
        impl fmt::Debug for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($kind), "({})"), self)
            }
        }
        impl Serialize for $kind {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )*};
}
written_as_text!(Sha256, Crc64Nvme);
