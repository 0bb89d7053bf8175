//! Removing what dead runs and half-removed backups left.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use etcd_backup_store::{Store, StoreError, UploadMeta};

use super::{Catalogue, Orphan, SweepError};
use crate::{
    layout::{Found, PlanKey, RunId},
    owner::{self, Owner},
    write::Fenced,
};

/// How long a leftover is left alone: longer than any run takes, so that a run of a replica that nobody knows of is not
/// disturbed.
pub const GRACE: TimeDelta = TimeDelta::days(1);

/// What a sweep did.
#[derive(Debug, Default)]
pub struct Swept {
    /// Keys of the snapshots without a manifest that were removed.
    pub snapshots: Vec<String>,
    /// Keys of the unfinished uploads that were given up.
    pub uploads: Vec<String>,
    /// What was found but could not be removed: the key, and why.
    pub failed: Vec<(String, StoreError)>,
}

/// Removes snapshots without a manifest and gives up unfinished uploads, if they are this plan's own and older than
/// [`GRACE`]. `active` are runs that are under way.
///
/// Nothing happens unless `owner.json` says that the prefix is `owner`'s. Keys that are not exactly ones that this plan
/// writes are never touched, nor what a store does not tell the age of, nor anything while the clock says a time before
/// it was written.
pub async fn sweep(
    store: &dyn Store,
    plan: &PlanKey,
    owner: &Owner,
    active: &BTreeSet<RunId>,
    now: DateTime<Utc>,
    fence: &(dyn Fn() -> Result<(), Fenced> + Send + Sync),
) -> Result<Swept, SweepError> {
    owner::check(store, plan, owner).await?;
    let mut swept = Swept::default();
    let Catalogue { orphans, .. } = super::list(store, plan).await?;
    for orphan in orphans {
        if active.contains(&orphan.location.run) {
            continue;
        }
        let key = orphan.location.snapshot_key(orphan.form);
        match is_left_over(store, &orphan, &key, now).await {
            Ok(false) => {}
            Ok(true) => {
                fence()?;
                match store.delete(&key).await {
                    Ok(()) => swept.snapshots.push(key),
                    Err(error) => swept.failed.push((key, error)),
                }
            }
            Err(error) => swept.failed.push((key, error)),
        }
    }
    sweep_uploads(store, plan, active, now, fence, &mut swept).await?;
    Ok(swept)
}

/// A listing says that there is a snapshot and no manifest. Is it so, and has it been so for long?
async fn is_left_over(
    store: &dyn Store,
    orphan: &Orphan,
    key: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    match store.head(&orphan.location.manifest_key()).await {
        Ok(_) => return Ok(false),
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error),
    }
    match store.head(key).await {
        Ok(object) => Ok(is_old(object.last_modified, orphan.location.run, now)),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Both clocks must agree: the store's, which wrote the object's time, and that of whoever made the run id.
fn is_old(written: Option<DateTime<Utc>>, run: RunId, now: DateTime<Utc>) -> bool {
    written.is_some_and(|written| now - written > GRACE) && now - run.started() > GRACE
}

async fn sweep_uploads(
    store: &dyn Store,
    plan: &PlanKey,
    active: &BTreeSet<RunId>,
    now: DateTime<Utc>,
    fence: &(dyn Fn() -> Result<(), Fenced> + Send + Sync),
    swept: &mut Swept,
) -> Result<(), SweepError> {
    let uploads = match store.list_uploads(&plan.prefix()).await {
        Ok(uploads) => uploads,
        // Some stores cannot, and then have no leftovers that we could see.
        Err(StoreError::Unsupported { .. }) => return Ok(()),
        Err(error) => {
            swept.failed.push((plan.prefix(), error));
            return Ok(());
        }
    };
    for upload in uploads
        .into_iter()
        .filter(|upload| is_our_leftover(upload, plan, active, now))
    {
        fence()?;
        match store.abort_upload(&upload).await {
            Ok(()) => swept.uploads.push(upload.key),
            Err(error) => swept.failed.push((upload.key, error)),
        }
    }
    Ok(())
}

fn is_our_leftover(
    upload: &UploadMeta,
    plan: &PlanKey,
    active: &BTreeSet<RunId>,
    now: DateTime<Utc>,
) -> bool {
    match plan.recognise(&upload.key) {
        Some(Found::Snapshot(location, _)) => {
            !active.contains(&location.run) && is_old(upload.initiated, location.run, now)
        }
        _ => false,
    }
}
