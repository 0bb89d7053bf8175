//! How a run is watched, steered and stopped from outside.

use std::{
    error::Error,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use super::Confirm;

/// Whoever has lost the right to act says so with this.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no longer allowed to write: {0}")]
pub struct Fenced(pub String);

/// A hook at a [`Step`] asked the run to end.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("stopped")]
pub struct Stopped;

/// Why the source ended early.
#[derive(Debug, Error)]
#[error("{source}")]
pub struct SourceError {
    /// A stable CamelCase word for conditions, events and metrics.
    pub reason: &'static str,
    /// May another attempt go well with nothing changed by a person?
    pub transient: bool,
    /// What happened.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

/// The edges of a run, in order. Tests stop, delay or kill a run at each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Nothing has been done yet.
    Begin,
    /// The store has begun an upload.
    UploadBegun,
    /// So many parts are stored.
    PartStored(u32),
    /// The source has ended; its trailer has not been checked yet.
    StreamEnded,
    /// The snapshot is proved and every part is stored; nothing is visible yet.
    BeforeComplete,
    /// The object is visible.
    Completed,
    /// The store was asked what it holds, and its answer fits; bytes have not been read back yet.
    BeforeReadback,
    /// What the store holds is proved; there is no manifest yet.
    BeforeManifest,
    /// The manifest is written: there is a backup.
    ManifestWritten,
}

/// A hook at every [`Step`].
#[async_trait]
pub trait Steps: Send + Sync {
    /// The run has reached `step` and goes on when this returns. An error ends it as any failure does.
    async fn reached(&self, step: Step) -> Result<(), Stopped>;
}

/// What may steer a run.
#[derive(Clone)]
pub struct Control {
    /// How far it is; read by whoever wants to show it.
    pub progress: Arc<Progress>,
    /// Ends the run, which then cleans up after itself.
    pub cancel: CancellationToken,
    /// Asked before every visible side effect: may this process still act? Must not block.
    pub fence: Arc<dyn Fn() -> Result<(), Fenced> + Send + Sync>,
    /// Asked once the snapshot is proved and before anything is visible, where there is somebody to ask.
    pub confirm: Option<Arc<dyn Confirm>>,
    /// Called at every edge.
    pub steps: Option<Arc<dyn Steps>>,
}

impl Control {
    /// For whoever is alone and in charge: no fence, nobody cancels, and no member is asked again.
    pub fn unattended() -> Self {
        Self {
            progress: Arc::default(),
            cancel: CancellationToken::new(),
            fence: Arc::new(|| Ok(())),
            confirm: None,
            steps: None,
        }
    }

    pub(super) async fn reached(&self, step: Step) -> Result<(), Stopped> {
        match &self.steps {
            Some(steps) => steps.reached(step).await,
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("progress", &self.progress)
            .field("cancelled", &self.cancel.is_cancelled())
            .finish_non_exhaustive()
    }
}

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Stage {
    /// Nothing yet.
    #[default]
    Starting,
    /// Reading from the source and sending parts.
    Streaming,
    /// Making the object visible.
    Completing,
    /// Comparing what the store holds.
    Verifying,
    /// Writing the manifest.
    Recording,
    /// Done.
    Done,
}

impl Stage {
    const ALL: [Self; 6] = [
        Self::Starting,
        Self::Streaming,
        Self::Completing,
        Self::Verifying,
        Self::Recording,
        Self::Done,
    ];

    /// In lower case, for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Streaming => "streaming",
            Self::Completing => "completing",
            Self::Verifying => "verifying",
            Self::Recording => "recording",
            Self::Done => "done",
        }
    }
}

/// How far a run is. Cheap to read at any time from anywhere.
#[derive(Debug, Default)]
pub struct Progress {
    read: AtomicU64,
    stored: AtomicU64,
    /// Of tries that came before, from other members.
    read_before: AtomicU64,
    stored_before: AtomicU64,
    verified: AtomicU64,
    total: AtomicU64,
    stage: AtomicU8,
}

/// [`Progress`] at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProgressNow {
    /// Bytes read from the source.
    pub read: u64,
    /// Bytes stored, in parts that the store has confirmed.
    pub stored: u64,
    /// Bytes read back from the store.
    pub verified: u64,
    /// Bytes that the source announced, if it did.
    pub total: Option<u64>,
    /// What is being done.
    pub stage: Stage,
}

impl Progress {
    /// How far it is now.
    pub fn now(&self) -> ProgressNow {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ProgressNow {
            read: load(&self.read),
            stored: load(&self.stored),
            verified: load(&self.verified),
            total: Some(load(&self.total)).filter(|total| *total > 0),
            stage: Stage::ALL
                .get(usize::from(self.stage.load(Ordering::Relaxed)))
                .copied()
                .unwrap_or_default(),
        }
    }

    /// Bytes read from the source and bytes stored, those of earlier tries too: what passed, whatever came of it.
    pub fn passed(&self) -> (u64, u64) {
        let sum = |now: &AtomicU64, before: &AtomicU64| {
            now.load(Ordering::Relaxed) + before.load(Ordering::Relaxed)
        };
        (
            sum(&self.read, &self.read_before),
            sum(&self.stored, &self.stored_before),
        )
    }

    /// Notes what is known of a run that goes on elsewhere, as it was told last. Another member has another total, and is read from
    /// the beginning.
    pub fn learn(&self, read: u64, total: Option<u64>) {
        self.read.store(read, Ordering::Relaxed);
        self.total.store(total.unwrap_or(0), Ordering::Relaxed);
    }

    /// A try begins. What an earlier one brought, from another member, is no part of this snapshot.
    pub(super) fn begin(&self, total: Option<u64>) {
        for (now, before) in [
            (&self.read, &self.read_before),
            (&self.stored, &self.stored_before),
        ] {
            before.fetch_add(now.swap(0, Ordering::Relaxed), Ordering::Relaxed);
        }
        self.verified.store(0, Ordering::Relaxed);
        self.total.store(total.unwrap_or(0), Ordering::Relaxed);
    }

    pub(super) fn enter(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Relaxed);
    }

    pub(super) fn add_read(&self, bytes: u64) {
        self.read.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn add_stored(&self, bytes: u64) {
        self.stored.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn add_verified(&self, bytes: u64) {
        self.verified.fetch_add(bytes, Ordering::Relaxed);
    }
}
