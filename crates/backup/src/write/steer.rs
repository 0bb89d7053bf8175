//! Stopping a run, and cleaning up after one that was stopped.

use std::time::Duration;

use etcd_backup_store::Upload;
use tracing::{debug, warn};

use super::{Step, WriteError, run::Run};

/// How long cleaning up after a failure may take, and how long a call that cannot be left half done may take to end after a
/// run was cancelled. What is left then is swept later.
const CLEANUP: Duration = Duration::from_secs(30);

impl Run {
    /// Gives the upload up. It is not visible, so this needs no leave.
    pub(super) async fn abort(&self, upload: Box<dyn Upload>) {
        match tokio::time::timeout(CLEANUP, upload.abort()).await {
            Ok(Ok(())) => debug!(key = self.key, "the upload was given up"),
            Ok(Err(error)) => {
                warn!(key = self.key, %error, "the upload could not be given up; it is swept later");
            }
            Err(_) => warn!(
                key = self.key,
                "giving the upload up took too long; it is swept later"
            ),
        }
    }

    /// Removes an object that is complete but does not become a backup.
    pub(super) async fn discard(&self) {
        if self.fence().is_err() {
            return;
        }
        match tokio::time::timeout(CLEANUP, self.store.delete(&self.key)).await {
            Ok(Ok(())) => debug!(
                key = self.key,
                "the object was removed: it did not become a backup"
            ),
            Ok(Err(error)) => {
                warn!(key = self.key, %error, "an object without a manifest could not be removed; it is swept later");
            }
            Err(_) => warn!(
                key = self.key,
                "removing an object without a manifest took too long; it is swept later"
            ),
        }
    }

    pub(super) async fn unless_cancelled<T>(&self, work: impl Future<Output = T>) -> Result<T, WriteError> {
        tokio::select! {
            biased;
            () = self.control.cancel.cancelled() => Err(WriteError::Cancelled),
            done = work => Ok(done),
        }
    }

    /// For a call that must not be left half done if that can be helped: it still gets some time to end by itself.
    pub(super) async fn unless_cancelled_for_long<T>(
        &self,
        work: impl Future<Output = T>,
    ) -> Result<T, WriteError> {
        let long_cancelled = async {
            self.control.cancel.cancelled().await;
            tokio::time::sleep(CLEANUP).await;
        };
        tokio::select! {
            done = work => Ok(done),
            () = long_cancelled => Err(WriteError::Cancelled),
        }
    }

    pub(super) fn not_cancelled(&self) -> Result<(), WriteError> {
        if self.control.cancel.is_cancelled() {
            Err(WriteError::Cancelled)
        } else {
            Ok(())
        }
    }

    pub(super) fn fence(&self) -> Result<(), WriteError> {
        (self.control.fence)().map_err(WriteError::Fenced)
    }

    pub(super) async fn reached(&self, step: Step) -> Result<(), WriteError> {
        self.unless_cancelled(self.control.reached(step))
            .await?
            .map_err(WriteError::Stopped)
    }
}
