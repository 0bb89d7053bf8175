//! Listings of a directory tree.

use std::collections::BTreeSet;
use std::fs::{self, DirEntry};
use std::io::{self, ErrorKind};
use std::path::Path;

use super::error::Failure;
use super::file;
use crate::key::{self, RESERVED};
use crate::object::{Listing, ObjectMeta};

/// One page of the objects below `prefix` after the key `after`.
///
/// The whole tree below the prefix's folder is read for every page, because the order of keys is not the
/// order of directories (`a-b` sorts before `a/b`). Directories hold thousands of objects, not millions.
pub(super) fn page(root: &Path, prefix: &str, after: Option<&str>, limit: usize) -> Result<Listing, Failure> {
    let mut keys = BTreeSet::new();
    let folder = prefix.rfind('/').map_or("", |end| &prefix[..=end]);
    collect(root, folder, &mut |key| {
        let wanted = key.starts_with(prefix) && after.is_none_or(|last| key.as_str() > last);
        if wanted {
            keys.insert(key);
        }
    })?;
    let more = keys.len() > limit;
    let mut objects: Vec<ObjectMeta> = Vec::new();
    let mut last = None;
    for key in keys.into_iter().take(limit) {
        match file::describe(&root.join(&key), &key) {
            Ok(meta) => objects.push(meta),
            // Deleted meanwhile.
            Err(Failure::Io(error)) if error.kind() == ErrorKind::NotFound => {}
            Err(failure) => return Err(failure),
        }
        last = Some(key);
    }
    Ok(Listing {
        objects,
        next: last.filter(|_| more),
    })
}

/// The folders directly below `folder` that hold an object at any depth.
pub(super) fn folders(root: &Path, folder: &str) -> Result<Vec<String>, Failure> {
    let mut folders = BTreeSet::new();
    collect(root, folder, &mut |key| {
        folders.extend(key::folder_below(folder, &key));
    })?;
    Ok(folders.into_iter().collect())
}

/// Calls `found` with the key of every plain file below `folder` (empty or ending in `/`).
fn collect(root: &Path, folder: &str, found: &mut impl FnMut(String)) -> Result<(), Failure> {
    let entries = match fs::read_dir(root.join(folder)) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    for entry in entries {
        let entry = entry?;
        let Some((key, is_folder)) = name(folder, &entry)? else {
            continue;
        };
        if is_folder {
            collect(root, &format!("{key}/"), found)?;
        } else {
            found(key);
        }
    }
    Ok(())
}

/// The entry's key and whether it is a folder; none for what cannot be an object of ours: uploads, links,
/// devices, and names that are not accepted as keys.
fn name(folder: &str, entry: &DirEntry) -> io::Result<Option<(String, bool)>> {
    let Ok(name) = entry.file_name().into_string() else {
        return Ok(None);
    };
    if folder.is_empty() && name == RESERVED {
        return Ok(None);
    }
    let key = format!("{folder}{name}");
    let kind = entry.file_type()?;
    let fits = key::check(&key).is_ok() && (kind.is_file() || kind.is_dir());
    Ok(fits.then(|| (key, kind.is_dir())))
}
