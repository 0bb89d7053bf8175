//! What others keep in the same bucket: planted before a test, and there afterwards as it was.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, ensure};

use crate::s3::{Operation, S3Server};

/// When everything was planted, as its files tell: in 2020, so that a sweep which took it for ours would find it old enough.
const LONG_AGO: Duration = Duration::from_hours(24 * 365 * 50);

/// Objects of others in a store that is a directory.
#[derive(Debug, Clone, Default)]
pub struct Strangers {
    pub(super) store: PathBuf,
    objects: BTreeMap<String, Vec<u8>>,
}

impl Strangers {
    /// Nothing yet, in this directory.
    pub fn of(store: &Path) -> Self {
        Self {
            store: store.to_path_buf(),
            objects: BTreeMap::new(),
        }
    }

    /// Plants what looks most like the objects of a plan below `prefix`, and is not: below a prefix that begins alike, in another
    /// namespace, of a plan whose name begins alike, and in the plan's own place under names that are nearly right.
    pub fn around(store: &Path, prefix: &str, namespace: &str, plan: &str) -> Result<Self> {
        const RUN: &str = "0000000000000001/20200101T000000Z-aaaaaaaa";
        let mut strangers = Self::of(store);
        for key in [
            format!("{prefix}-2/{namespace}/{plan}/{RUN}/manifest.json"),
            format!("{prefix}-2/{namespace}/{plan}/{RUN}/snapshot.db.zst"),
            format!("{prefix}/other/{plan}/{RUN}/manifest.json"),
            format!("{prefix}/other/{plan}/{RUN}/snapshot.db.zst"),
            // Somebody's run of which nobody but he knows that it is under way.
            format!("{prefix}/{namespace}/{plan}uction/{RUN}/snapshot.db"),
            format!("{prefix}/{namespace}/{plan}-2/{RUN}/notes.txt"),
            format!("{prefix}/{namespace}/{plan}/{RUN}/notes.txt"),
            format!("{prefix}/{namespace}/{plan}/{RUN}/MANIFEST.json"),
            format!("{prefix}/{namespace}/{plan}/0000000000000001/manifest.json.old"),
            format!("{prefix}/{namespace}/{plan}/README"),
            "somebody/else".to_owned(),
        ] {
            strangers.plant(&key)?;
        }
        Ok(strangers)
    }

    /// Plants one more.
    pub fn plant(&mut self, key: &str) -> Result<()> {
        let bytes = format!("this is {key}").into_bytes();
        let path = self.store.join(key);
        fs::create_dir_all(path.parent().context("a key has a folder")?)?;
        fs::write(&path, &bytes).with_context(|| format!("plant {key}"))?;
        let file = File::options().write(true).open(&path).context("open it")?;
        file.set_modified(SystemTime::UNIX_EPOCH + LONG_AGO)
            .context("make it old")?;
        self.objects.insert(key.to_owned(), bytes);
        Ok(())
    }

    /// Whether an object is theirs.
    pub fn own(&self, key: &str) -> bool {
        self.objects.contains_key(key)
    }

    /// Fails unless each is there, byte for byte.
    pub fn check(&self) -> Result<()> {
        for (key, bytes) in &self.objects {
            let now = fs::read(self.store.join(key)).with_context(|| format!("{key} of others is gone"))?;
            ensure!(now == *bytes, "{key} of others was changed");
        }
        Ok(())
    }
}

/// Fails when a server in this process was asked to change anything but below `place`.
pub fn changed_only_below(place: &str, server: &S3Server) -> Result<()> {
    use Operation::{Get, Head, List, ListUploads};
    for request in server.plan().seen() {
        let changes = ![Get, Head, List, ListUploads].contains(&request.operation);
        ensure!(
            !changes || request.key.starts_with(place),
            "{:?} was asked for {:?}, which is not below {place}",
            request.operation,
            request.key
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_changed_or_gone_of_others_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let strangers = Strangers::around(folder.path(), "backups", "default", "prod").unwrap();
        strangers.check().unwrap();
        let path = folder.path().join("backups/default/prod/README");
        for (change, part) in [("other", "was changed"), ("", "is gone")] {
            let before = fs::read(&path).unwrap();
            fs::write(&path, change).unwrap();
            if change.is_empty() {
                fs::remove_file(&path).unwrap();
            }
            let refusal = format!("{:#}", strangers.check().unwrap_err());
            assert!(refusal.contains(part), "{refusal}");
            fs::write(&path, before).unwrap();
        }
        strangers.check().unwrap();
    }
}
