//! The judge after every test: is what lies in the store what it says, can etcd's own tools restore it, is nothing left
//! over, does Kubernetes say the same, is everything of others as it was, and is no secret anywhere?
//!
//! It shares no code with what it judges. A store is looked at as a directory: a local store is one, and versitygw
//! keeps every object as a plain file. Everything here fails with an error that says what is wrong with which object.

mod backup;
mod canary;
mod leftovers;
mod listed;
mod mirror;
mod restored;
mod strangers;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

pub use backup::Backup;
pub use canary::{find_canaries, objects};
pub use mirror::check_mirror_of;
pub use restored::compare;
pub use strangers::{Strangers, changed_only_below};

use crate::etcd::Version;

/// What a store holds.
#[derive(Debug, Default)]
pub struct Holdings {
    /// Every backup, proved, oldest first.
    pub backups: Vec<Backup>,
    /// Keys that belong to no backup and are no leftovers of ours either.
    pub foreign: Vec<String>,
}

impl Holdings {
    /// Fails unless there are so many backups.
    pub fn ensure_number(&self, expected: usize) -> Result<()> {
        let found = self.backups.len();
        ensure!(
            found == expected,
            "the store holds {found} backups, and should hold {expected}"
        );
        Ok(())
    }
}

/// What the judge has to know of the etcd that was backed up.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The release whose tools restore: its own, or a later one.
    pub version: Version,
    /// User and password, which are in the data when authentication was on.
    pub auth: Option<(String, String)>,
    /// The private key as `age-keygen` prints it, when backups are encrypted.
    pub identity: Option<String>,
    /// What others keep in the store.
    pub strangers: Strangers,
}

/// How many backups are restored into an etcd that runs. Everything else is proved of all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restored {
    /// Every one.
    All,
    /// The newest: a running etcd takes a second, and a test may make many backups.
    Newest,
    /// None, and etcd's tools restore none either: objects are compared with their manifests alone.
    None,
}

/// Proves every backup below a directory, down to an etcd that runs on the restored data, and looks for leftovers.
///
/// `version` is the release whose tools restore: that of the etcd that was backed up, or a later one.
pub async fn check_store(store: &Path, version: Version) -> Result<Holdings> {
    let subject = Subject {
        version,
        auth: None,
        identity: None,
        strangers: Strangers::default(),
    };
    check_store_restoring(Restored::All, store, &subject).await
}

/// As [`check_store`], with a choice of how many backups are restored.
pub async fn check_store_restoring(which: Restored, store: &Path, subject: &Subject) -> Result<Holdings> {
    subject.strangers.check()?;
    let mut keys = keys(store)?;
    keys.retain(|key| subject.strangers.store != store || !subject.strangers.own(key));
    let mut holdings = Holdings::default();
    for key in keys.iter().filter(|key| key.ends_with("/manifest.json")) {
        holdings
            .backups
            .push(backup::read(store, key).with_context(|| format!("the manifest {key}"))?);
    }
    holdings
        .backups
        .sort_by(|a, b| (a.started, &a.folder).cmp(&(b.started, &b.folder)));
    for (number, backup) in holdings.backups.iter().enumerate() {
        let which = match which {
            Restored::Newest if number + 1 == holdings.backups.len() => Restored::All,
            which => which,
        };
        Box::pin(backup.prove(store, subject, which))
            .await
            .with_context(|| format!("the backup {}", backup.folder))?;
    }
    holdings.foreign = leftovers::check(store, &keys, &holdings.backups)?;
    Ok(holdings)
}

/// Every file below a directory, by its path below it, in order.
pub fn keys(store: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    walk(store, &mut files)?;
    let mut keys: Vec<String> = files
        .iter()
        .filter_map(|file| Some(file.strip_prefix(store).ok()?.to_str()?.to_owned()))
        .collect();
    keys.sort();
    Ok(keys)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let entry = entry?;
        // Not through links: what they name is not ours.
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}
