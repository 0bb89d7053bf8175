//! The manifest: what it says, and writing it so that a lost answer is neither a failure nor a second manifest.

use bytes::Bytes;
use etcd_backup_store::{GetRange, ObjectMeta, PutMode, StoreError};
use tracing::warn;

use super::{
    Stage, Step, WriteError,
    run::{Run, revision},
    seal::Sealed,
};
use crate::manifest::{
    Encryption, Etcd, FormatVersion, HashKv, Level, MAX_BYTES, Manifest, Object, Plan, Sha256, Snapshot,
    Times, Verification,
};

/// Attempts at the manifest, besides the store's own: by now gigabytes are stored and proved.
const ATTEMPTS: u32 = 3;

/// What a store's answer to writing the manifest means.
enum Written {
    /// It is there.
    Yes,
    /// It is not there.
    No(WriteError),
    /// Nobody knows.
    Unknown(WriteError),
}

impl Run {
    /// Writes the manifest. From here on the object is removed only if there surely is no manifest.
    pub(super) async fn record(
        &self,
        sealed: &Sealed,
        meta: &ObjectMeta,
        level: Level,
    ) -> Result<Manifest, WriteError> {
        self.control.progress.enter(Stage::Recording);
        let manifest = self.manifest(sealed, meta, level);
        let bytes = match manifest.to_bytes() {
            Ok(bytes) => Bytes::from(bytes),
            Err(error) => {
                self.discard().await;
                return Err(WriteError::Describe(error));
            }
        };
        match self.put_manifest(&bytes).await {
            Written::Yes => {}
            Written::No(error) => {
                self.discard().await;
                return Err(error);
            }
            Written::Unknown(error) => {
                warn!(
                    key = self.key,
                    "nobody knows whether the manifest was written; the object stays, and is swept if it was not"
                );
                return Err(error);
            }
        }
        self.control.progress.enter(Stage::Done);
        self.reached(Step::ManifestWritten).await?;
        Ok(manifest)
    }

    async fn put_manifest(&self, bytes: &Bytes) -> Written {
        let mut last = Written::No(WriteError::Internal);
        for _ in 0..ATTEMPTS {
            if let Err(error) = self.fence().and_then(|()| self.not_cancelled()) {
                return match last {
                    Written::Unknown(_) => Written::Unknown(error),
                    _ => Written::No(error),
                };
            }
            last = match self.unless_cancelled_for_long(self.try_manifest(bytes)).await {
                Ok(written) => written,
                Err(cancelled) => return Written::Unknown(cancelled),
            };
            let again = matches!(&last, Written::No(error) | Written::Unknown(error) if error.is_transient());
            if !again {
                break;
            }
        }
        last
    }

    async fn try_manifest(&self, bytes: &Bytes) -> Written {
        let key = self.location.manifest_key();
        let Err(error) = self.store.put(&key, bytes.clone(), PutMode::Create).await else {
            return Written::Yes;
        };
        // An answer that was lost makes the store refuse our own second try: what lies there decides, not the answer.
        let there = match self.store.get(&key, GetRange::all()).await {
            Ok(object) => object.bytes(MAX_BYTES).await,
            Err(error) => Err(error),
        };
        let refused = matches!(error, StoreError::AlreadyExists { .. });
        match there {
            Ok(there) if there == bytes => Written::Yes,
            Ok(_) => Written::Unknown(WriteError::ManifestConflict),
            // A request that was not answered may still arrive, and a store that says "already there" and then "nothing
            // there" has contradicted itself.
            Err(StoreError::NotFound { .. }) if !refused && !error.is_transient() => {
                Written::No(WriteError::WriteManifest(error))
            }
            Err(_) => Written::Unknown(WriteError::WriteManifest(error)),
        }
    }

    fn manifest(&self, sealed: &Sealed, meta: &ObjectMeta, level: Level) -> Manifest {
        let request = &self.request;
        let report = &sealed.report;
        let finished = self.now();
        let encryption = request.encryption.as_ref().map(|keys| Encryption::Age {
            recipients: keys.to_strings(),
        });
        Manifest {
            format: FormatVersion::CURRENT,
            run_id: request.run,
            plan: Plan {
                namespace: request.plan.namespace().to_owned(),
                name: request.plan.name().to_owned(),
                uid: request.plan_uid.clone(),
            },
            kubernetes_cluster_uid: request.kubernetes_cluster_uid.clone(),
            etcd: self.etcd(sealed),
            revision: revision(sealed),
            compact_revision: report.compact_revision,
            times: Times {
                scheduled: request.scheduled,
                started: request.started,
                finished,
            },
            snapshot: Snapshot {
                size: report.size,
                sha256: Sha256(report.sha256),
                hash: report.status.hash,
                total_keys: report.status.total_keys,
                hash_kv: report.hash_kv.map(HashKv::from),
            },
            object: Object {
                file: request.form().file_name().to_owned(),
                size: sealed.sent.size,
                sha256: sealed.sha256,
                crc64nvme: sealed.sent.crc64nvme,
                compression: request.compression,
                encryption,
                version_id: meta.version_id.clone(),
            },
            tool: request.tool.clone(),
            verification: Verification {
                level,
                time: finished,
            },
            degraded: request.source.degraded,
            trigger: request.trigger,
            etcd_snapshot: request.etcd_snapshot.clone(),
        }
    }

    fn etcd(&self, sealed: &Sealed) -> Etcd {
        let source = &self.request.source;
        Etcd {
            cluster_id: source.cluster_id,
            member_id: source.member_id,
            member_name: source.member_name.clone(),
            version: source.version.clone(),
            storage_version: sealed.report.status.storage_version.clone(),
            raft_index: sealed.report.raft_index,
            raft_term: sealed.report.raft_term,
            members: source.members,
            corrupt_alarm: source.corrupt_alarm,
        }
    }
}
