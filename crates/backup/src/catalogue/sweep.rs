//! Removing what dead runs and half-removed backups left.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use etcd_backup_store::{Store, StoreError, UploadMeta};

use super::{Catalogue, Orphan, SweepError};
use crate::{
    layout::{Found, PlanKey, RunId},
    owner::{self, Owner},
    write::Fenced,
};

/// How long a leftover is left alone at least: longer than most runs may take, so that a run of a replica that nobody
/// knows of is not disturbed.
const GRACE: TimeDelta = TimeDelta::days(1);
/// How much longer than a run may take: for clocks that differ, and a store that answers late.
const MARGIN: TimeDelta = TimeDelta::hours(1);

/// What is old enough to be a leftover: a day, or an hour more than a run may take, and older than every run that goes on.
#[derive(Debug, Clone, Copy)]
pub struct Age {
    /// The time.
    pub now: DateTime<Utc>,
    /// How long a run of the plan may take, as the plan has it now. What goes on may have begun under a longer one.
    pub timeout: Duration,
    /// When the oldest of the plan's runs that are under way began, if there are any.
    pub under_way_since: Option<DateTime<Utc>>,
}

impl Age {
    /// Both clocks must agree: the store's, which wrote the object's time, and that of whoever made the run id.
    fn is_old(self, written: Option<DateTime<Utc>>, run: RunId) -> bool {
        let longest = TimeDelta::from_std(self.timeout).unwrap_or(TimeDelta::MAX);
        let grace = longest.checked_add(&MARGIN).unwrap_or(TimeDelta::MAX).max(GRACE);
        let over = self
            .under_way_since
            .is_none_or(|since| run.started() < since - MARGIN);
        over && written.is_some_and(|written| self.now - written > grace) && self.now - run.started() > grace
    }
}

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

/// Removes snapshots without a manifest and gives up unfinished uploads, if they are this plan's own and [old](Age).
/// `active` are runs that are under way.
///
/// Nothing happens unless `owner.json` says that the prefix is `owner`'s. Keys that are not exactly ones that this plan
/// writes are never touched, nor what a store does not tell the age of, nor anything while the clock says a time before
/// it was written.
pub async fn sweep(
    store: &dyn Store,
    plan: &PlanKey,
    owner: &Owner,
    age: Age,
    fence: &(dyn Fn() -> Result<(), Fenced> + Send + Sync),
) -> Result<Swept, SweepError> {
    owner::check(store, plan, owner).await?;
    let mut swept = Swept::default();
    let Catalogue { orphans, .. } = super::list(store, plan).await?;
    for orphan in orphans {
        let key = orphan.location.snapshot_key(orphan.form);
        match is_left_over(store, &orphan, &key, age).await {
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
    sweep_uploads(store, plan, age, fence, &mut swept).await?;
    Ok(swept)
}

/// A listing says that there is a snapshot and no manifest. Is it so, and has it been so for long?
async fn is_left_over(store: &dyn Store, orphan: &Orphan, key: &str, age: Age) -> Result<bool, StoreError> {
    match store.head(&orphan.location.manifest_key()).await {
        Ok(_) => return Ok(false),
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error),
    }
    match store.head(key).await {
        Ok(object) => Ok(age.is_old(object.last_modified, orphan.location.run)),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}

async fn sweep_uploads(
    store: &dyn Store,
    plan: &PlanKey,
    age: Age,
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
        .filter(|upload| is_our_leftover(upload, plan, age))
    {
        fence()?;
        match store.abort_upload(&upload).await {
            Ok(()) => swept.uploads.push(upload.key),
            Err(error) => swept.failed.push((upload.key, error)),
        }
    }
    Ok(())
}

fn is_our_leftover(upload: &UploadMeta, plan: &PlanKey, age: Age) -> bool {
    match plan.recognise(&upload.key) {
        Some(Found::Snapshot(location, _)) => age.is_old(upload.initiated, location.run),
        _ => false,
    }
}
