//! Where a program is on this machine.

use std::{env, fmt, path::PathBuf};

use anyhow::{Context, Result, bail};

use super::{
    pinned::{Set, set},
    version::Version,
};

/// A program that is there.
#[derive(Debug, Clone)]
pub struct Found {
    /// The file.
    pub path: PathBuf,
    /// By which rule it was found.
    pub origin: Origin,
}

/// By which rule a program was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// `ETCD_BACKUP_TOOLS` names it.
    Named,
    /// Among the assets of envtest.
    KubebuilderAssets,
    /// On the search path, with a version that fits.
    Path,
    /// Built before, from `tools/<set>`.
    Cache,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Named => "ETCD_BACKUP_TOOLS",
            Self::KubebuilderAssets => "KUBEBUILDER_ASSETS",
            Self::Path => "PATH",
            Self::Cache => "built",
        })
    }
}

/// Looks for one program of a set; `None` when it has to be built first.
pub fn find(set: &Set, program: &str) -> Option<Found> {
    if let Some(folder) = folder("ETCD_BACKUP_TOOLS") {
        let path = folder.join(&set.name).join(program);
        if path.is_file() {
            return Some(Found {
                path,
                origin: Origin::Named,
            });
        }
    }
    let assets = folder("KUBEBUILDER_ASSETS")
        .into_iter()
        .map(|dir| (dir, Origin::KubebuilderAssets));
    let search = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&search)
        .map(|dir| (dir, Origin::Path))
        .collect::<Vec<_>>();
    for (folder, origin) in assets.chain(on_path) {
        let path = folder.join(program);
        let fits = |found| set.fit(program).accepts(set.version, found);
        if path.is_file() && Version::of(&path).is_some_and(fits) {
            return Some(Found { path, origin });
        }
    }
    let path = set.cache().join(program);
    path.is_file().then_some(Found {
        path,
        origin: Origin::Cache,
    })
}

/// Where a program is.
///
/// # Errors
/// When it is not there, with the command that provides it.
pub fn locate(name: &str, program: &str) -> Result<PathBuf> {
    let set = set(name).with_context(|| format!("what tools/{name} pins"))?;
    match find(&set, program) {
        Some(found) => Ok(found.path),
        None => bail!(
            "no {program} {} on this machine: run 'cargo xtask tools {name}'",
            set.version
        ),
    }
}

fn folder(variable: &str) -> Option<PathBuf> {
    env::var_os(variable)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}
