//! One attempt, from the first byte to the manifest.

use std::{future::pending, sync::Arc};

use bytes::Bytes;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use etcd_backup_store::{ObjectMeta, Store, StoreError, Upload};
use futures::Stream;
use tokio::{task::spawn_blocking, time::Instant};
use tokio_util::task::AbortOnDropHandle;

use super::{
    Control, SourceError, Stage, Step, WriteError, WriteRequest,
    feed::feed,
    part::{MAX_PARTS, belt},
    seal::{SealError, Sealed, Sealing, seal},
    send::send,
    spool::spool,
};
use crate::{
    layout::Location,
    manifest::{Compression, Level, Manifest},
    read::{Expected, check_head, read_back},
};

pub(super) struct Run {
    pub(super) store: Arc<dyn Store>,
    pub(super) request: WriteRequest,
    pub(super) control: Control,
    pub(super) location: Location,
    pub(super) key: String,
    began: Instant,
}

impl Run {
    /// Refuses what could only fail later.
    pub(super) fn new(
        store: Arc<dyn Store>,
        request: WriteRequest,
        control: Control,
    ) -> Result<Self, WriteError> {
        if request.started.trunc_subsecs(0) != request.run.started() {
            return Err(WriteError::InvalidRequest(
                "the run id was not made from the time the attempt began",
            ));
        }
        if let Compression::Zstd { level } = request.compression
            && !(1..=19).contains(&level)
        {
            return Err(WriteError::InvalidRequest("zstd's level is from 1 to 19"));
        }
        let location = request.location();
        let key = location.snapshot_key(request.form());
        Ok(Self {
            store,
            request,
            control,
            location,
            key,
            began: Instant::now(),
        })
    }

    /// The time now, by the clock when the run began and a monotonic one since: a clock that is set meanwhile does not
    /// make a run end before it began.
    pub(super) fn now(&self) -> DateTime<Utc> {
        let elapsed = TimeDelta::from_std(self.began.elapsed()).unwrap_or(TimeDelta::MAX);
        self.request
            .now
            .checked_add_signed(elapsed)
            .unwrap_or(self.request.now)
            .trunc_subsecs(3)
    }

    pub(super) async fn drive<S>(self, source: S) -> Result<Manifest, WriteError>
    where
        S: Stream<Item = Result<Bytes, SourceError>> + Send + 'static,
    {
        self.control.progress.begin(self.request.source.size);
        self.reached(Step::Begin).await?;
        self.fence()?;
        let mut upload = self
            .unless_cancelled_for_long(self.store.upload(&self.key))
            .await?
            .map_err(WriteError::BeginUpload)?;
        if let Some(size) = self.request.source.size {
            upload.expect(stored_at_most(size));
        }
        let sealed = match self.transfer(source, &*upload).await {
            Ok(sealed) => sealed,
            Err(error) => {
                self.abort(upload).await;
                return Err(error);
            }
        };
        let meta = self.complete(upload).await?;
        let proved = self.prove(&sealed, &meta).await;
        let (level, meta) = match proved {
            Ok(proved) => proved,
            Err(error) => {
                self.discard().await;
                return Err(error);
            }
        };
        self.record(&sealed, &meta, level).await
    }

    /// Everything up to the last part stored and the snapshot proved.
    async fn transfer<S>(&self, source: S, upload: &dyn Upload) -> Result<Sealed, WriteError>
    where
        S: Stream<Item = Result<Bytes, SourceError>> + Send + 'static,
    {
        self.control.progress.enter(Stage::Streaming);
        self.reached(Step::UploadBegun).await?;
        let part_size = upload.part_size();
        self.check_size(part_size)?;
        let limits = &self.request.limits;
        let (spool_in, spool_out) = spool(limits.spool.clone());
        let (parts_in, parts_out) = belt(limits.parts_in_flight);
        let sealing = Sealing {
            compression: self.request.compression,
            recipients: self.request.encryption.clone(),
            size: self.request.source.size,
            part_size,
        };
        // A task of its own, so that hashing and sending never delay it. Dropping the handle ends it, which lets go of etcd.
        let feeding = feed(source, spool_in, self.control.clone(), self.request.source.size);
        let feeding = AbortOnDropHandle::new(tokio::spawn(feeding));
        let sealing = spawn_blocking(move || seal(spool_out, parts_in, &sealing));
        let all = async {
            let (sealed, (), ()) = tokio::try_join!(
                async {
                    match sealing.await {
                        Ok(Ok(sealed)) => Ok(sealed),
                        Ok(Err(SealError::Failed(error))) => Err(error),
                        // Whoever made it end is about to say why.
                        Ok(Err(SealError::Interrupted)) => pending().await,
                        Err(_) => Err(WriteError::Internal),
                    }
                },
                async { feeding.await.unwrap_or(Err(WriteError::Internal)) },
                send(upload, parts_out, limits.parts_in_flight, &self.control),
            )?;
            Ok::<_, WriteError>(sealed)
        };
        let sealed = self.unless_cancelled(all).await??;
        let (revision, minimum) = (revision(&sealed), self.request.source.minimum_revision);
        if revision < minimum {
            return Err(WriteError::Stale { revision, minimum });
        }
        self.confirm(&sealed).await?;
        self.reached(Step::BeforeComplete).await?;
        self.fence()?;
        self.not_cancelled()?;
        Ok(sealed)
    }

    /// A snapshot that cannot fit is refused before its first byte.
    fn check_size(&self, part_size: usize) -> Result<(), WriteError> {
        let most = part_size as u64 * u64::from(MAX_PARTS);
        let size = self.request.source.size.unwrap_or(0);
        if size > most {
            Err(WriteError::TooManyParts {
                parts: MAX_PARTS,
                part_size,
            })
        } else {
            Ok(())
        }
    }

    async fn complete(&self, upload: Box<dyn Upload>) -> Result<ObjectMeta, WriteError> {
        self.control.progress.enter(Stage::Completing);
        let error = match self.unless_cancelled_for_long(upload.complete()).await {
            Ok(Ok(meta)) => match self.reached(Step::Completed).await {
                Ok(()) => return Ok(meta),
                Err(error) => error,
            },
            // Not ours, then: the key is unique to this attempt, and this attempt has stored nothing under it.
            Ok(Err(error @ StoreError::AlreadyExists { .. })) => {
                return Err(WriteError::CompleteUpload(error));
            }
            Ok(Err(error)) => WriteError::CompleteUpload(error),
            Err(error) => error,
        };
        self.discard().await;
        Err(error)
    }

    /// A store that knows no checksum of the whole object proves nothing by answering: then bytes are read back, whatever
    /// was asked for.
    async fn prove(
        &self,
        sealed: &Sealed,
        completed: &ObjectMeta,
    ) -> Result<(Level, ObjectMeta), WriteError> {
        self.control.progress.enter(Stage::Verifying);
        let expected = Expected {
            size: sealed.sent.size,
            sha256: sealed.sha256,
            crc64nvme: sealed.sent.crc64nvme,
        };
        let proof = async {
            let head = check_head(&*self.store, &self.key, &expected)
                .await
                .map_err(WriteError::Prove)?;
            self.reached(Step::BeforeReadback).await?;
            let level = if head.attested {
                self.request.verification
            } else {
                Level::Readback
            };
            if level == Level::Readback {
                let progress = |bytes| self.control.progress.add_verified(bytes);
                read_back(
                    &self.store,
                    &self.key,
                    &expected,
                    head.meta.etag.clone(),
                    progress,
                )
                .await
                .map_err(WriteError::Prove)?;
            }
            self.reached(Step::BeforeManifest).await?;
            self.fence()?;
            let version_id = head
                .meta
                .version_id
                .clone()
                .or_else(|| completed.version_id.clone());
            Ok((
                level,
                ObjectMeta {
                    version_id,
                    ..head.meta
                },
            ))
        };
        self.unless_cancelled(proof).await?
    }
}

/// How much a snapshot of this size may take up. Encryption adds 16 bytes to 64 KiB, compression less than that to what it
/// cannot compress, and both a header.
fn stored_at_most(size: u64) -> u64 {
    size.saturating_add(size / 2048).saturating_add(1 << 20)
}

/// The revision that etcd would stand at with this data: the last record's, unless compaction has removed it (a deletion),
/// and at least 1 (etcd server/storage/mvcc/kvstore.go, `restore`).
pub(super) fn revision(sealed: &Sealed) -> i64 {
    sealed
        .report
        .status
        .revision
        .max(sealed.report.compact_revision)
        .max(1)
}
