//! Plain snapshot files, and what is none.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use etcd_backup_snapshot::VerifyError;

use crate::exit::{Exit, Failure};

/// Opens a snapshot file. The system would open a directory too, and complain when it is read.
pub(crate) fn open(path: &Path) -> Result<File, Failure> {
    let cannot = |error: io::Error| Failure::storage(format!("cannot open {}", path.display()), &error);
    let file = File::open(path).map_err(cannot)?;
    if file.metadata().map_err(cannot)?.is_dir() {
        return Err(directory(path));
    }
    Ok(file)
}

/// Whoever means a store in this directory is told how to say so.
pub(super) fn directory(path: &Path) -> Failure {
    Failure::new(
        Exit::Usage,
        format!("{} is a directory, and no snapshot file", path.display()),
    )
    .hint(format!(
        "if backups are stored in it, name it as a store: {}",
        as_store(path)
    ))
}

/// How a directory is named as a store.
pub(crate) fn as_store(directory: &Path) -> String {
    let whole = fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned());
    format!("file://{}", whole.display())
}

/// What is compressed or encrypted, and said so.
pub(crate) fn packed(name: &str, error: &VerifyError) -> Failure {
    Failure::new(Exit::Usage, format!("{name}: {error}")).hint(
        "what is still in its store need not be unpacked: name it by its address, s3://… or file:///…, as `list` does, with --age-identity FILE if it is encrypted",
    )
}
