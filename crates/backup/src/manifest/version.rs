use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Version of a format, written `"<major>.<minor>"`.
///
/// - A *minor* step only adds fields that a reader may ignore. An older reader takes a manifest of a newer minor
///   version and ignores the fields it does not know; it does so only then, never in its own version.
/// - A *major* step changes what an old field means, or adds one that must not be ignored. An older reader refuses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FormatVersion {
    /// Must be known to the reader.
    pub major: u16,
    /// May be newer than the reader.
    pub minor: u16,
}

impl FormatVersion {
    /// What this version writes.
    pub const CURRENT: Self = Self { major: 1, minor: 2 };

    /// The first version with `etcdSnapshot` and `etcd.members`.
    pub(super) const WITH_SNAPSHOT_OBJECT: Self = Self { major: 1, minor: 1 };

    /// The first version with `etcd.corruptAlarm`.
    pub(super) const WITH_CORRUPT_ALARM: Self = Self { major: 1, minor: 2 };

    /// Can this version read it?
    pub fn is_readable(self) -> bool {
        self.major == Self::CURRENT.major
    }

    /// Is it newer than what this version writes, so that unknown fields are to be expected?
    pub fn is_newer(self) -> bool {
        self > Self::CURRENT
    }
}

impl fmt::Display for FormatVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for FormatVersion {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "a format version is written \"<major>.<minor>\"";
        let (major, minor) = text.split_once('.').ok_or(wrong)?;
        let version = Self {
            major: major.parse().map_err(|_| wrong)?,
            minor: minor.parse().map_err(|_| wrong)?,
        };
        if version.to_string() == text {
            Ok(version)
        } else {
            Err(wrong)
        }
    }
}

impl Serialize for FormatVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FormatVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}
