//! Where the real programs are: `cargo xtask tools` finds or builds them, by the rules in [`xtask::tools`].

use std::{
    collections::HashMap,
    env,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, Result, bail};

/// The path of a program below `tools/<set>`, such as `("etcd-3.6", "etcdutl")`. Once found it stays where it is: looking for
/// it may ask a program of its name for its version, which for kubectl takes as long as what tests ask of it.
pub fn tool(set: &str, program: &str) -> Result<PathBuf> {
    static FOUND: Mutex<Option<HashMap<String, PathBuf>>> = Mutex::new(None);
    let name = format!("{set}/{program}");
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    let found = found.get_or_insert_default();
    if let Some(path) = found.get(&name) {
        return Ok(path.clone());
    }
    let path = xtask::tools::locate(set, program)?;
    found.insert(name, path.clone());
    Ok(path)
}

/// The binary under test, `etcd-backup`.
///
/// `ETCD_BACKUP_BIN` names it (`cargo xtask` builds it and sets this); otherwise it is looked for where cargo puts it
/// beside the test that runs.
pub fn etcd_backup() -> Result<PathBuf> {
    if let Some(path) = env::var_os("ETCD_BACKUP_BIN").map(PathBuf::from) {
        return Ok(path);
    }
    let test = env::current_exe().context("find this test's own file")?;
    let beside = test
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join("etcd-backup"));
    match beside.into_iter().find(|path| path.is_file()) {
        Some(path) => Ok(path),
        None => bail!(
            "no etcd-backup beside {}: run 'cargo build --package etcd-backup-cli'",
            test.display()
        ),
    }
}

/// The workspace's root folder.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
