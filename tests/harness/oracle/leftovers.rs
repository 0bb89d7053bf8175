//! What a run that did not succeed must not leave behind.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result, ensure};

use super::Backup;

/// What versitygw keeps for itself in a bucket.
const VERSITYGW: &str = ".sgwtmp/";
/// Where it keeps uploads that were neither completed nor aborted: a folder an object, in it a folder an upload (its
/// `backend/posix`, MetaTmpMultipartDir).
const VERSITYGW_UPLOADS: &str = ".sgwtmp/multipart";

/// Fails when something of ours belongs to no backup; gives what is not ours.
pub(super) fn check(store: &Path, keys: &[String], backups: &[Backup]) -> Result<Vec<String>> {
    let mut accounted = BTreeSet::new();
    for backup in backups {
        accounted.insert(format!("{}/manifest.json", backup.folder));
        accounted.insert(backup.object()?);
    }
    no_open_uploads(store)?;
    let mut foreign = Vec::new();
    let left = |key: &&String| !accounted.contains(*key) && !key.starts_with(VERSITYGW);
    for key in keys.iter().filter(left) {
        let name = key.rsplit('/').next().unwrap_or(key);
        ensure!(
            !name.starts_with("snapshot.db"),
            "{key} belongs to no backup in {}",
            store.display()
        );
        if name != "owner.json" {
            foreign.push(key.clone());
        }
    }
    Ok(foreign)
}

fn no_open_uploads(bucket: &Path) -> Result<()> {
    let uploads = bucket.join(VERSITYGW_UPLOADS);
    if !uploads.is_dir() {
        return Ok(());
    }
    for object in fs::read_dir(&uploads).context("list the objects that are being uploaded")? {
        let mut open = fs::read_dir(object?.path()).context("list an object's uploads")?;
        ensure!(
            open.next().is_none(),
            "an upload was neither completed nor aborted"
        );
    }
    Ok(())
}
