use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::LayoutError;

/// An etcd cluster's or member's id. Written as 16 lower-case hexadecimal digits, zeros in front included
/// (etcdctl leaves them out; a key of fixed width is easier to read and to check).
///
/// Together with the plan, a cluster id names a *generation* of backups: another id means another etcd, whose backups
/// are never pruned on behalf of this one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterId(pub u64);

/// Digits of an id.
const DIGITS: usize = 16;

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClusterId({self})")
    }
}

impl FromStr for ClusterId {
    type Err = LayoutError;

    fn from_str(text: &str) -> Result<Self, LayoutError> {
        let exact =
            text.len() == DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !exact {
            return Err(LayoutError::Cluster);
        }
        u64::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| LayoutError::Cluster)
    }
}

impl Serialize for ClusterId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ClusterId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}
