//! Where the real programs are: `cargo xtask tools` finds or builds them, by the rules in [`xtask::tools`].

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

/// The path of a program below `tools/<set>`, such as `("etcd-3.6", "etcdutl")`.
pub fn tool(set: &str, program: &str) -> Result<PathBuf> {
    xtask::tools::locate(set, program)
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
