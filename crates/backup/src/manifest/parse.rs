//! From bytes to a manifest and back.

use std::str::FromStr;

use chrono::SubsecRound;
use serde_json::Value;

use super::{
    FormatVersion, MAX_BYTES, Manifest, ManifestError,
    strict::{DUPLICATE, Strict, has_only_fields_of},
    types::{Compression, Encryption, SnapshotObject},
};
use crate::layout::{Found, Location, PlanKey};

impl Manifest {
    /// Reads the manifest that lies at `key`, and refuses it when it is not the one that belongs there.
    pub fn parse(bytes: &[u8], plan: &PlanKey, key: &str) -> Result<Self, ManifestError> {
        let Some(Found::Manifest(location)) = plan.recognise(key) else {
            return Err(ManifestError::ForeignKey);
        };
        Self::parse_at(bytes, &location)
    }

    /// Reads the manifest of the backup at `location`.
    pub fn parse_at(bytes: &[u8], location: &Location) -> Result<Self, ManifestError> {
        let manifest = Self::read(bytes)?;
        manifest.belongs_at(location)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The bytes that are stored: indented, since people read them too, and ending with a line break.
    ///
    /// # Errors
    /// [`ManifestError::TooLarge`], and every rule that reading applies: what could not be read back is not written.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ManifestError> {
        self.check()?;
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|error| malformed(&error))?;
        bytes.push(b'\n');
        if bytes.len() > MAX_BYTES {
            Err(ManifestError::TooLarge)
        } else {
            Ok(bytes)
        }
    }

    /// JSON to fields, by the rules of the format's version.
    fn read(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MAX_BYTES {
            return Err(ManifestError::TooLarge);
        }
        let Strict(value) = serde_json::from_slice(bytes).map_err(|error| malformed(&error))?;
        // The version first: in a format we cannot read, every other complaint would mislead.
        let format = value
            .get("format")
            .and_then(Value::as_str)
            .map(FormatVersion::from_str);
        let Some(Ok(format)) = format else {
            return Err(ManifestError::Field {
                field: "format",
                what: "missing, or not a version",
            });
        };
        if !format.is_readable() {
            return Err(ManifestError::UnknownFormat(format));
        }
        let manifest: Self = serde_json::from_value(value.clone()).map_err(|error| malformed(&error))?;
        if !format.is_newer() {
            let known = serde_json::to_value(&manifest).map_err(|error| malformed(&error))?;
            if !has_only_fields_of(&value, &known) {
                return Err(ManifestError::UnknownField(format));
            }
        }
        Ok(manifest)
    }

    /// Every name in it must be the one that its key says.
    fn belongs_at(&self, location: &Location) -> Result<(), ManifestError> {
        let checks = [
            (
                "plan's namespace",
                self.plan.namespace == location.plan.namespace(),
            ),
            ("plan's name", self.plan.name == location.plan.name()),
            ("etcd cluster id", self.etcd.cluster_id == location.cluster),
            ("run id", self.run_id == location.run),
        ];
        match checks.into_iter().find(|(_, same)| !same) {
            Some((name, _)) => Err(ManifestError::Misplaced(name)),
            None => Ok(()),
        }
    }

    /// Rules between fields, and bounds that types do not hold.
    fn check(&self) -> Result<(), ManifestError> {
        let beyond = "outside the range of a 64-bit signed integer";
        let newer = "newer than the format that the manifest names";
        let has_version = self.format >= FormatVersion::WITH_SNAPSHOT_OBJECT;
        let rules = [
            (
                "times.started",
                "not the second that the run id says",
                self.times.started.trunc_subsecs(0) == self.run_id.started(),
            ),
            ("revision", "not positive", self.revision > 0),
            ("compactRevision", "negative", self.compact_revision >= 0),
            ("snapshot.size", "zero", self.snapshot.size > 0),
            ("snapshot.size", beyond, i64::try_from(self.snapshot.size).is_ok()),
            (
                "snapshot.totalKeys",
                beyond,
                i64::try_from(self.snapshot.total_keys).is_ok(),
            ),
            ("object.size", "zero", self.object.size > 0),
            ("object.size", beyond, i64::try_from(self.object.size).is_ok()),
            (
                "object.file",
                "not the name that its compression and encryption give",
                self.object.file == self.object.form().file_name(),
            ),
            (
                "object.compression.level",
                "not from 1 to 19",
                level_is_ours(self.object.compression),
            ),
            ("etcdSnapshot", newer, has_version || self.etcd_snapshot.is_none()),
            ("etcd.members", newer, has_version || self.etcd.members.is_none()),
            (
                "etcd.corruptAlarm",
                newer,
                self.format >= FormatVersion::WITH_CORRUPT_ALARM || !self.etcd.corrupt_alarm,
            ),
            ("etcd.members", "zero", self.etcd.members != Some(0)),
            (
                "etcdSnapshot.name",
                "not a name",
                is_named(self.etcd_snapshot.as_ref()),
            ),
            (
                "object.encryption.recipients",
                "empty",
                has_recipients(self.object.encryption.as_ref()),
            ),
        ];
        match rules.into_iter().find(|(_, _, holds)| !holds) {
            Some((field, what, _)) => Err(ManifestError::Field { field, what }),
            None => Ok(()),
        }
    }
}

/// Levels above 19 need windows, and so memory, that a reader need not have.
fn level_is_ours(compression: Compression) -> bool {
    match compression {
        Compression::None => true,
        Compression::Zstd { level } => (1..=19).contains(&level),
    }
}

/// Kubernetes names its objects by one rule, plans and snapshots alike.
fn is_named(object: Option<&SnapshotObject>) -> bool {
    object.is_none_or(|object| PlanKey::new("namespace", object.name.as_str()).is_ok())
}

fn has_recipients(encryption: Option<&Encryption>) -> bool {
    encryption.is_none_or(|Encryption::Age { recipients }| !recipients.is_empty())
}

/// serde_json's messages repeat what they read; only their kind and place are kept.
fn malformed(error: &serde_json::Error) -> ManifestError {
    use serde_json::error::Category;
    if error.to_string().starts_with(DUPLICATE) {
        return ManifestError::DuplicateField;
    }
    let what = match error.classify() {
        Category::Syntax => "not JSON",
        Category::Eof => "it ends in the middle",
        Category::Data => "a field is missing, or is not of its type",
        Category::Io => "it cannot be read",
    };
    ManifestError::Malformed {
        line: error.line(),
        column: error.column(),
        what,
    }
}
