//! Label values: closed sets, so that nobody outside can make series.

use prometheus_client::encoding::EncodeLabelSet;

/// A stage of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Reading Secrets, opening the store, claiming the prefix.
    Connect,
    /// Asking the members how they are, choosing one, the linearizable read.
    Survey,
    /// From the first byte of the stream to the stored, proved manifest.
    Write,
    /// The whole run.
    Total,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 4] = [Self::Connect, Self::Survey, Self::Write, Self::Total];

    /// The stage of this name in which a run can fail, if there is one: not [`Self::Total`], which each of them is part of.
    pub fn of_run(name: &str) -> Option<Self> {
        [Self::Connect, Self::Survey, Self::Write]
            .into_iter()
            .find(|stage| stage.as_str() == name)
    }

    /// Its name in the metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Survey => "survey",
            Self::Write => "write",
            Self::Total => "total",
        }
    }
}

/// Where bytes of a run pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flow {
    /// Snapshot bytes read from etcd.
    Etcd,
    /// Object bytes (compressed, encrypted) handed to the store.
    Store,
}

impl Flow {
    /// Every place.
    pub const ALL: [Self; 2] = [Self::Etcd, Self::Store];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::Store => "store",
        }
    }
}

/// An operation of the trait `Store`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// One object in one request.
    Put,
    /// Beginning an upload in parts.
    BeginUpload,
    /// One part of an upload.
    Part,
    /// Making an upload an object.
    Complete,
    /// Giving an upload up.
    Abort,
    /// Reading: until the first byte.
    Get,
    /// Metadata of an object.
    Head,
    /// One page of a listing.
    List,
    /// Deleting an object.
    Delete,
    /// Listing unfinished uploads.
    ListUploads,
    /// Finding out what the store can do.
    Probe,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 11] = [
        Self::Put,
        Self::BeginUpload,
        Self::Part,
        Self::Complete,
        Self::Abort,
        Self::Get,
        Self::Head,
        Self::List,
        Self::Delete,
        Self::ListUploads,
        Self::Probe,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::BeginUpload => "begin_upload",
            Self::Part => "part",
            Self::Complete => "complete",
            Self::Abort => "abort",
            Self::Get => "get",
            Self::Head => "head",
            Self::List => "list",
            Self::Delete => "delete",
            Self::ListUploads => "list_uploads",
            Self::Probe => "probe",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StageName {
    pub(super) stage: &'static str,
}

/// How a stage of a run failed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StageError {
    pub(super) stage: &'static str,
    pub(super) reason: String,
}

/// A kind of custom resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct KindName {
    pub(super) kind: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OperationName {
    pub(super) operation: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OperationError {
    pub(super) operation: &'static str,
    pub(super) reason: String,
}

/// How a restore ended: `reason` is empty when it ended well.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RestoreEnd {
    pub(super) result: &'static str,
    pub(super) reason: String,
}
