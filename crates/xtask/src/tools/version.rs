//! Which release a program says it is, and whether that will do.

use std::{fmt, path::Path, process::Command};

/// A release number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

/// Which releases may stand in for a pinned one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// The same release.
    Exact,
    /// The same major release, and a minor release at most so far away.
    MinorsApart(u32),
}

impl Fit {
    /// Whether `found` may stand in for `pinned`.
    pub(super) fn accepts(self, pinned: Version, found: Version) -> bool {
        match self {
            Self::Exact => pinned == found,
            Self::MinorsApart(most) => {
                pinned.major == found.major && pinned.minor.abs_diff(found.minor) <= most
            }
        }
    }
}

impl Version {
    /// The first `<number>.<number>.<number>` in a text, such as `etcd Version: 3.6.16` or `v1.34.4`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        text.split(|c: char| !c.is_ascii_digit() && c != '.')
            .find_map(|word| {
                let mut numbers = word.split('.').map(str::parse);
                let (major, minor, patch) = (
                    numbers.next()?.ok()?,
                    numbers.next()?.ok()?,
                    numbers.next()?.ok()?,
                );
                numbers.next().is_none().then_some(Self { major, minor, patch })
            })
    }

    /// Asks a program. `None` when it does not start or says nothing of the kind.
    pub(super) fn of(program: &Path) -> Option<Self> {
        let arguments: &[&str] = match program.file_name()?.to_str()? {
            "etcdctl" | "etcdutl" => &["version"],
            "kubectl" => &["version", "--client"],
            _ => &["--version"],
        };
        let output = Command::new(program).args(arguments).output().ok()?;
        Self::parse(&String::from_utf8_lossy(&output.stdout))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn a_version_is_read_from_what_each_program_prints() {
        let said = [
            (
                "etcd Version: 3.6.16\nGit SHA: Not provided\nGo Version: go1.26.8",
                "3.6.16",
            ),
            ("etcdutl version: 3.5.35\nAPI version: 3.5\n", "3.5.35"),
            ("Kubernetes v1.34.4\n", "1.34.4"),
            (
                "Client Version: v1.32.4-dispatcher\nKustomize Version: v5.5.0",
                "1.32.4",
            ),
        ];
        for (text, expected) in said {
            assert_eq!(version(text).to_string(), expected);
        }
        assert_eq!(Version::parse("Version  : (devel) go1.26"), None);
    }

    #[test]
    fn a_neighbouring_minor_release_stands_in_only_where_it_may() {
        let (pinned, patched, neighbour) = (version("1.34.4"), version("1.34.9"), version("1.33.0"));
        assert!(Fit::MinorsApart(1).accepts(pinned, neighbour));
        assert!(!Fit::MinorsApart(0).accepts(pinned, neighbour));
        assert!(Fit::MinorsApart(0).accepts(pinned, patched));
        assert!(!Fit::Exact.accepts(pinned, patched));
    }
}
