use thiserror::Error;

use super::{FormatVersion, MAX_BYTES};

/// Why bytes are not a manifest that can be believed. No variant repeats what the manifest said beyond a field's name:
/// it is somebody else's text until proved otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// Larger than any manifest.
    #[error("larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// Not JSON, or not the fields of a manifest.
    #[error("not a manifest: line {line}, column {column}: {what}")]
    Malformed {
        /// Where, from 1; 0 when it is the document as a whole.
        line: usize,
        /// Where, from 1; 0 when it is the document as a whole.
        column: usize,
        /// What is wrong there, in words of our own or of the JSON reader.
        what: &'static str,
    },
    /// A field is missing or holds something that it cannot hold.
    #[error("field {field}: {what}")]
    Field {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The same field twice: readers would disagree on which one counts.
    #[error("a field appears twice")]
    DuplicateField,
    /// A field that this format version does not have.
    #[error("a field that format {0} does not have")]
    UnknownField(FormatVersion),
    /// Written by a newer major version.
    #[error("written in format {0}, which this version cannot read: use a newer etcd-backup")]
    UnknownFormat(FormatVersion),
    /// It describes another backup than the one it lies with: copied, moved or forged.
    #[error("its {0} is not the one that its key says: it was copied here or forged")]
    Misplaced(&'static str),
    /// The key is not one at which this plan keeps a manifest.
    #[error("its key is not that of a manifest of this plan")]
    ForeignKey,
}

impl ManifestError {
    /// A stable word for conditions, events and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge => "ManifestTooLarge",
            Self::Malformed { .. } | Self::Field { .. } | Self::DuplicateField | Self::UnknownField(_) => {
                "ManifestInvalid"
            }
            Self::UnknownFormat(_) => "ManifestFormatUnknown",
            Self::Misplaced(_) | Self::ForeignKey => "ManifestMisplaced",
        }
    }
}
