//! A file that gets its name only when it is whole.

use std::{
    fs::{self, File, Metadata, OpenOptions, TryLockError},
    io::{self, Seek, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::{
    exit::{Exit, Failure},
    store::plain::as_store,
};

/// What is written is a copy of every secret of the cluster.
const ONLY_MINE: u32 = 0o600;

/// `FILE.part`, locked against another process that writes the same. Removed when it is dropped before it got its name.
#[derive(Debug)]
pub(crate) struct Part {
    file: File,
    path: PathBuf,
    name: PathBuf,
    overwrite: bool,
    named: bool,
}

impl Part {
    /// Makes it. What a killed process left there is removed; what a living one writes is not.
    pub(crate) fn create(name: &Path, overwrite: bool) -> Result<Self, Failure> {
        refuse_existing(name, overwrite)?;
        let mut path = name.as_os_str().to_owned();
        path.push(".part");
        let path = PathBuf::from(path);
        let cannot = |error: io::Error| Failure::storage(format!("cannot write {}", path.display()), &error);
        for _ in 0..TRIES {
            remove_stale(&path)?;
            // Never a file that was there before: a kill between linking and unlinking leaves a finished snapshot under this name too,
            // and whatever else has it (a link to elsewhere, a pipe) is not ours to write into.
            let new = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(ONLY_MINE)
                .open(&path);
            let file = match new {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                new => new.map_err(cannot)?,
            };
            lock(&file, &path)?;
            // Another process may have taken it for a stale one before it was locked.
            if is_at(&file, &path).map_err(cannot)? {
                return Ok(Self {
                    file,
                    path,
                    name: name.to_owned(),
                    overwrite,
                    named: false,
                });
            }
        }
        Err(busy(&path))
    }

    /// Begins again.
    pub(crate) fn rewind(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()
    }

    /// Makes it last and gives it its name.
    pub(crate) fn keep(mut self) -> Result<(), Failure> {
        let cannot =
            |error: io::Error| Failure::storage(format!("cannot save {}", self.name.display()), &error);
        self.file.sync_all().map_err(cannot)?;
        if !is_at(&self.file, &self.path).map_err(cannot)? {
            return Err(Failure::new(
                Exit::Storage,
                format!(
                    "{} was removed or replaced while it was written",
                    self.path.display()
                ),
            ));
        }
        if self.overwrite {
            fs::rename(&self.path, &self.name).map_err(cannot)?;
        } else {
            // A link, unlike a rename, never replaces what another process has put there meanwhile.
            match fs::hard_link(&self.path, &self.name) {
                Ok(()) => fs::remove_file(&self.path).map_err(cannot)?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(exists(&self.name)),
                // Some file systems have no links.
                Err(_) => {
                    refuse_existing(&self.name, false)?;
                    fs::rename(&self.path, &self.name).map_err(cannot)?;
                }
            }
        }
        self.named = true;
        let folder = match self.name.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        // The name, too, must survive a power cut.
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(cannot)
    }
}

impl Write for Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.named && is_at(&self.file, &self.path).unwrap_or(false) {
            // Nothing can be done about it, and its name says what it is.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// How often another process may be quicker.
const TRIES: usize = 10;

/// Removes what a killed process left: a file that nobody has locked.
fn remove_stale(path: &Path) -> Result<(), Failure> {
    let cannot = |error: io::Error| Failure::storage(format!("cannot remove {}", path.display()), &error);
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found.map_err(cannot)?,
    };
    if !found.is_file() {
        return Err(Failure::new(
            Exit::Storage,
            format!(
                "{} is there and no file: remove it, or choose another name",
                path.display()
            ),
        ));
    }
    let stale = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        stale => stale.map_err(cannot)?,
    };
    lock(&stale, path)?;
    // Only what is locked: its writer may have given it its name meanwhile, and another begun anew.
    if !is_at(&stale, path).map_err(cannot)? {
        return Ok(());
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(cannot(error)),
        _ => Ok(()),
    }
}

fn lock(file: &File, path: &Path) -> Result<(), Failure> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(busy(path)),
        Err(TryLockError::Error(error)) => Err(Failure::storage(
            format!("cannot lock {}", path.display()),
            &error,
        )),
    }
}

fn busy(path: &Path) -> Failure {
    Failure::new(
        Exit::Storage,
        format!("another process is writing {}", path.display()),
    )
}

/// Whether a path still names this file.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let identity = |of: &Metadata| (of.dev(), of.ino());
    let own = identity(&file.metadata()?);
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        found => Ok(identity(&found?) == own),
    }
}

/// A device or a pipe is never replaced: nobody means to have `/dev/null` renamed over.
fn refuse_existing(name: &Path, overwrite: bool) -> Result<(), Failure> {
    if fs::symlink_metadata(name).is_err() {
        return Ok(());
    }
    if fs::metadata(name).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return Err(Failure::new(
            Exit::Usage,
            format!("{} is no plain file", name.display()),
        )
        .hint("name a file: a snapshot gets its name only when it is proved, so it cannot be written to a device or a pipe"));
    }
    if overwrite && !name.is_dir() {
        return Ok(());
    }
    Err(exists(name))
}

fn exists(name: &Path) -> Failure {
    if name.is_dir() {
        return Failure::new(Exit::Usage, format!("{} is a directory", name.display())).hint(format!(
            "name a file in it; `snapshot save` also takes the directory as a store: {}",
            as_store(name)
        ));
    }
    Failure::new(
        Exit::Storage,
        format!("{} exists and is not overwritten", name.display()),
    )
    .hint("choose another name, such as backup-$(date +%Y%m%dT%H%M%S).db, or give --overwrite")
}

#[cfg(test)]
mod tests;
