//! What a node with pods needs of the machine itself, which cannot be built from pinned sources.

use std::{collections::BTreeSet, env, fs, os::unix::fs::MetadataExt};

use anyhow::{Context, Result, bail};

/// Programs, and the packages of Debian and of Fedora that have them.
const PROGRAMS: [(&str, &str, &str); 6] = [
    ("unshare", "util-linux", "util-linux"),
    ("setpriv", "util-linux", "util-linux"),
    ("mount", "mount", "util-linux"),
    ("ip", "iproute2", "iproute"),
    ("mkfs.ext4", "e2fsprogs", "e2fsprogs"),
    ("ldd", "libc-bin", "glibc-common"),
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
    match what_to_install(is_there) {
        Some(how) => bail!("{how}"),
        None => Ok(()),
    }
}

/// Names what is missing, and the commands that install it; nothing where all is there.
fn what_to_install(is_there: impl Fn(&str) -> bool) -> Option<String> {
    let missing: Vec<_> = PROGRAMS
        .iter()
        .filter(|(program, ..)| !is_there(program))
        .collect();
    let names: Vec<_> = missing.iter().map(|(program, ..)| *program).collect();
    let debian: BTreeSet<_> = missing.iter().map(|(_, debian, _)| *debian).collect();
    let fedora: BTreeSet<_> = missing.iter().map(|(.., fedora)| *fedora).collect();
    let line = |packages: BTreeSet<&str>| packages.into_iter().collect::<Vec<_>>().join(" ");
    (!missing.is_empty()).then(|| {
        format!(
            "programs are missing: {}\n  Debian: apt-get install {}\n  Fedora: dnf install {}",
            names.join(", "),
            line(debian),
            line(fedora)
        )
    })
}

fn is_there(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_the_commands_that_install_it() {
        assert_eq!(what_to_install(|_| true), None);
        let without = |missing: &'static [&str]| what_to_install(|program| !missing.contains(&program));
        assert_eq!(
            without(&["unshare", "setpriv", "ip"]).as_deref(),
            Some(
                "programs are missing: unshare, setpriv, ip\n  Debian: apt-get install iproute2 util-linux\n  \
                 Fedora: dnf install iproute util-linux"
            )
        );
    }
}
