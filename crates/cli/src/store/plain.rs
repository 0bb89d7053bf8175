//! Plain snapshot files, and what is none.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
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

/// Opens a snapshot file that is to be read here and there.
pub(super) fn open_to_look_into(path: &Path) -> Result<File, Failure> {
    let file = open(path)?;
    if comes_once(&file) {
        return Err(once(&path.display().to_string()));
    }
    Ok(file)
}

/// Whether what is read from it comes but once, as from a pipe: `<(gunzip --stdout backup.db.gz)`, `/dev/stdin`.
pub(crate) fn comes_once(file: &File) -> bool {
    file.metadata().is_ok_and(|found| !found.is_file())
}

/// What comes but once cannot be looked into.
pub(super) fn once(name: &str) -> Failure {
    Failure::new(
        Exit::Usage,
        format!("a snapshot is read here and there, so not from {name}: name a file"),
    )
}

/// Whoever means a store in this directory, or the database in it, is told how to say so.
pub(super) fn directory(path: &Path) -> Failure {
    let failure = Failure::new(
        Exit::Usage,
        format!("{} is a directory, and no snapshot file", path.display()),
    );
    match database(path) {
        Some(database) => failure.hint(format!(
            "it is an etcd's data directory: while no etcd runs on it, `restore --skip-hash-check` takes {}",
            database.display()
        )),
        None => failure.hint(format!(
            "if backups are stored in it, name it as a store: {}",
            as_store(path)
        )),
    }
}

/// The database in a data directory of etcd, or in its directory `member`.
fn database(directory: &Path) -> Option<PathBuf> {
    ["member/snap/db", "snap/db"]
        .iter()
        .map(|below| directory.join(below))
        .find(|database| database.is_file())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etcds_data_directory_is_told_from_a_store() {
        let folder = tempfile::tempdir().unwrap();
        let told = |path: &Path| format!("{:?}", directory(path));
        assert!(told(folder.path()).contains("as a store: file:///"));
        let snap = folder.path().join("member/snap");
        fs::create_dir_all(&snap).unwrap();
        fs::write(snap.join("db"), "").unwrap();
        for path in [folder.path().to_owned(), folder.path().join("member")] {
            let told = told(&path);
            assert!(
                told.contains("--skip-hash-check") && told.contains("member/snap/db"),
                "{told}"
            );
        }
    }
}
