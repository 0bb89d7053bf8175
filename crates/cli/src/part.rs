//! A file that gets its name only when it is whole.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Seek, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
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
    /// Opens it. What a killed process left there is overwritten; what a living one writes is not.
    pub(crate) fn create(name: &Path, overwrite: bool) -> Result<Self, Failure> {
        refuse_existing(name, overwrite)?;
        let mut path = name.as_os_str().to_owned();
        path.push(".part");
        let path = PathBuf::from(path);
        let cannot = |error: io::Error| Failure::storage(format!("cannot write {}", path.display()), &error);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(ONLY_MINE)
            .open(&path)
            .map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::new(
                    Exit::Storage,
                    format!("another process is writing {}", path.display()),
                ));
            }
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
        }
        let part = Self {
            file,
            path: path.clone(),
            name: name.to_owned(),
            overwrite,
            named: false,
        };
        // A file that was there before may have been made for everyone to read.
        let private = fs::Permissions::from_mode(ONLY_MINE);
        part.file
            .set_permissions(private)
            .and_then(|()| part.file.set_len(0))
            .map_err(cannot)?;
        Ok(part)
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
        if !self.named {
            // Nothing can be done about it, and its name says what it is.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn refuse_existing(name: &Path, overwrite: bool) -> Result<(), Failure> {
    if overwrite || fs::symlink_metadata(name).is_err() {
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
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("backup.db");
        (folder, name)
    }

    fn entries(folder: &tempfile::TempDir) -> Vec<String> {
        let entries = fs::read_dir(folder.path()).unwrap();
        entries
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_kept_file_has_its_name_and_is_private_and_a_dropped_one_leaves_nothing() {
        let (folder, name) = folder();
        drop(Part::create(&name, false).unwrap());
        assert!(entries(&folder).is_empty());

        fs::write(
            folder.path().join("backup.db.part"),
            "left by a killed process, and longer",
        )
        .unwrap();
        let mut part = Part::create(&name, false).unwrap();
        part.write_all(b"new").unwrap();
        part.keep().unwrap();
        assert_eq!(entries(&folder), ["backup.db"]);
        assert_eq!(fs::read(&name).unwrap(), b"new");
        assert_eq!(fs::metadata(&name).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_is_there_is_overwritten_only_on_demand_also_when_it_appeared_meanwhile() {
        let (folder, name) = folder();
        let part = Part::create(&name, false).unwrap();
        fs::write(&name, "somebody else's").unwrap();
        assert!(part.keep().is_err());
        assert_eq!(fs::read(&name).unwrap(), b"somebody else's");
        assert!(Part::create(&name, false).is_err());
        Part::create(&name, true).unwrap().keep().unwrap();
        assert_eq!(fs::read(&name).unwrap(), b"");
        assert_eq!(entries(&folder), ["backup.db"]);
        let directory = Part::create(folder.path(), false).unwrap_err();
        assert!(
            format!("{directory:?}").contains("as a store: file:///"),
            "{directory:?}"
        );
    }

    #[test]
    fn two_processes_do_not_write_the_same_file() {
        let (_folder, name) = folder();
        let first = Part::create(&name, false).unwrap();
        let refused = Part::create(&name, false).unwrap_err();
        assert!(format!("{refused:?}").contains("another process"), "{refused:?}");
        first.keep().unwrap();
    }
}
