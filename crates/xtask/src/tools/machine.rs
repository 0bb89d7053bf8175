//! What a node with pods needs of the machine itself, which cannot be built from pinned sources.

use std::{env, fs, os::unix::fs::MetadataExt};

use anyhow::{Context, Result, bail};

/// Programs, and the packages of Debian and, where it is called otherwise, of Fedora that have them.
const PROGRAMS: [(&str, &str); 6] = [
    ("unshare", "util-linux"),
    ("setpriv", "util-linux"),
    ("mount", "mount, or util-linux"),
    ("ip", "iproute2, or iproute"),
    ("mkfs.ext4", "e2fsprogs"),
    ("ldd", "libc-bin, or glibc-common"),
];

/// Fails with what to do or install where a whole node cannot run: it needs root, Linux' namespaces, and some programs.
pub fn check_for_pods() -> Result<()> {
    let root = fs::metadata("/proc/self").context("look at this process")?.uid() == 0;
    if !root {
        bail!(
            "containers need root: use sudo, or a machine that may be broken. Every other tier works without: \
             cargo xtask test lint unit integration"
        );
    }
    let missing = PROGRAMS.iter().filter(|(program, _)| !is_there(program));
    let missing: Vec<_> = missing
        .map(|(program, package)| format!("{program}: install {package}"))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    bail!("programs are missing:\n  {}", missing.join("\n  "))
}

fn is_there(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
