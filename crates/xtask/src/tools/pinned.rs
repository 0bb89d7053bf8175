//! What `tools/<set>/go.mod` and `go.sum` pin.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::version::{Fit, Version};

/// One folder below `tools/`: programs built from one Go module graph.
#[derive(Debug, Clone)]
pub struct Set {
    /// The folder's name, such as `etcd-3.6`.
    pub name: String,
    /// What its `tool` lines name.
    pub programs: Vec<Program>,
    /// The release that is pinned, where it has numbers.
    pub version: Version,
    /// The first 12 hex digits of the SHA-256 of `go.mod`, `go.sum` and the set's own Go files, one after another.
    pub digest: String,
}

/// One program of a [`Set`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The file's name, such as `etcdutl`.
    pub name: String,
    /// The Go package, such as `go.etcd.io/etcd/etcdutl/v3`.
    pub package: String,
}

impl Program {
    /// The file that `go build` makes of it in a folder.
    pub(super) fn file(&self) -> &str {
        last_element(&self.package)
    }
}

impl Set {
    /// The folder with the set's `go.mod`.
    pub fn source(&self) -> PathBuf {
        crate::root().join("tools").join(&self.name)
    }

    /// The folder in the user's cache into which the set is built.
    pub fn cache(&self) -> PathBuf {
        crate::cache()
            .join("tools")
            .join(format!("{}-{}", self.name, self.digest))
    }

    /// Whether only a whole node with pods needs it: nothing else waits for its build.
    pub fn is_of_a_node(&self) -> bool {
        ["cni-plugins", "containerd", "coredns", "kubernetes-node", "runc"].contains(&&*self.name)
    }

    /// Which other releases of a program may stand in for the pinned one.
    pub(super) fn fit(&self, program: &str) -> Fit {
        match (self.name.as_str(), program) {
            // Kubernetes supports kubectl one minor release away from its API server.
            (_, "kubectl") => Fit::MinorsApart(1),
            ("versitygw" | "prometheus-alerts", _) => Fit::Exact,
            _ => Fit::MinorsApart(0),
        }
    }
}

/// Every set below `tools/`, by name.
pub fn sets() -> Result<Vec<Set>> {
    let folder = crate::root().join("tools");
    let mut sets = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("list {}", folder.display()))? {
        let entry = entry?;
        if entry.path().join("go.mod").is_file() {
            sets.push(set(&entry.file_name().to_string_lossy())?);
        }
    }
    sets.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(sets)
}

/// The set of one folder below `tools/`.
pub fn set(name: &str) -> Result<Set> {
    let folder = crate::root().join("tools").join(name);
    let read = |file: &str| {
        let path = folder.join(file);
        fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
    };
    let (module, sums) = (read("go.mod")?, read("go.sum")?);
    let mut digest = Sha256::new().chain_update(&module).chain_update(&sums);
    for file in own_files(&folder)? {
        digest.update(read(&file)?);
    }
    let digest = hex::encode(digest.finalize());
    let programs: Vec<_> = tool_lines(&module).map(program).collect();
    let Some(first) = programs.first() else {
        bail!("{name}/go.mod has no tool line")
    };
    let main = programs
        .iter()
        .find(|program| program.name == "etcd")
        .unwrap_or(first);
    let version = required(&module, &main.package)
        .or_else(|| required_first(&module, &main.package))
        .and_then(Version::parse)
        .with_context(|| format!("{name}/go.mod requires no release of {}", main.package))?;
    Ok(Set {
        name: name.to_owned(),
        programs,
        version,
        digest: digest[..12].to_owned(),
    })
}

/// The Go files of a set that has a program of its own, by name.
fn own_files(folder: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if Path::new(&name).extension().is_some_and(|of| of == "go") {
            files.push(name);
        }
    }
    files.sort();
    Ok(files)
}

/// The packages that `tool` lines name, alone or in a block.
fn tool_lines(module: &str) -> impl Iterator<Item = &str> {
    let mut in_block = false;
    module.lines().filter_map(move |line| {
        let line = line.trim();
        if in_block {
            in_block = line != ")";
            return in_block.then_some(line);
        }
        let rest = line.strip_prefix("tool ")?.trim();
        in_block = rest == "(";
        (!in_block).then_some(rest)
    })
}

/// A Go package's program; that of etcd's `server` is `etcd`.
fn program(package: &str) -> Program {
    let last = last_element(package);
    let name = if last == "server" { "etcd" } else { last };
    Program {
        name: name.to_owned(),
        package: package.to_owned(),
    }
}

/// The last element of a package's path that is no major version.
fn last_element(package: &str) -> &str {
    let is_major = |part: &str| {
        part.strip_prefix('v')
            .is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
    };
    package
        .rsplit('/')
        .find(|part| !is_major(part))
        .unwrap_or(package)
}

/// The release that `module` requires of the module which holds `package`. Where Go knows it by its commit only, a comment
/// on that line says which release that is: `// is v3.4.13`.
fn required<'a>(module: &'a str, package: &str) -> Option<&'a str> {
    module.lines().find_map(|line| {
        let named = line.split_once(" is v").map(|(_, release)| release);
        let mut words = line.trim().trim_start_matches("require ").split_whitespace();
        let (path, version) = (words.next()?, words.next()?);
        let holds = package
            .strip_prefix(path)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        (holds && version.starts_with('v')).then_some(named.unwrap_or(version))
    })
}

/// For a program of the set's own: the release of what it is built on, which comes first of all that `module` requires.
fn required_first<'a>(module: &'a str, package: &str) -> Option<&'a str> {
    module
        .strip_prefix("module ")?
        .lines()
        .next()
        .filter(|own| *own == package)?;
    let mut lines = module
        .lines()
        .map(|line| line.trim().trim_start_matches("require "));
    lines.find_map(|line| line.split_whitespace().nth(1).filter(|word| is_release(word)))
}

fn is_release(word: &str) -> bool {
    word.strip_prefix('v')
        .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tool_lines_are_read_alone_and_in_a_block() {
        let module = "module m\n\ntool a.b/cmd/one\n\ntool (\n\ta.b/cmd/two\n\ta.b/three/v3\n)\n\nrequire a.b v1.2.3\n";
        assert_eq!(
            tool_lines(module).collect::<Vec<_>>(),
            ["a.b/cmd/one", "a.b/cmd/two", "a.b/three/v3"]
        );
    }

    #[test]
    fn a_program_is_named_after_its_package_and_the_etcd_server_is_etcd() {
        let names = [
            "go.etcd.io/etcd/etcdutl/v3",
            "go.etcd.io/etcd/server/v3",
            "k8s.io/kubernetes/cmd/kubectl",
        ];
        assert_eq!(
            names.map(|package| program(package).name),
            ["etcdutl", "etcd", "kubectl"]
        );
    }

    #[test]
    fn the_required_release_is_that_of_the_module_holding_the_package() {
        let module = "require (\n\tk8s.io/kube v9.9.9\n\tk8s.io/kubernetes v1.34.4 // indirect\n)\n";
        assert_eq!(required(module, "k8s.io/kubernetes/cmd/kubectl"), Some("v1.34.4"));
        let module =
            "require e.io/etcd v0.5.0-alpha.5.0.20200910180754-dd1b699fc489 // indirect; is v3.4.13\n";
        assert_eq!(required(module, "e.io/etcd/etcdctl"), Some("3.4.13"));
    }

    #[test]
    fn a_program_of_our_own_is_of_the_release_that_it_is_built_on() {
        let module = "module m.io/own\n\ntool m.io/own\n\nrequire a.io/base v2.1.0\n\nrequire (\n\tb.io/c v0.1.0 // indirect\n)\n";
        assert_eq!(required_first(module, "m.io/own"), Some("v2.1.0"));
        assert_eq!(required_first(module, "m.io/other"), None);
    }

    #[test]
    fn every_pinned_set_is_read() {
        let sets = sets().unwrap();
        let names: Vec<_> = sets.iter().map(|set| set.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "bbolt",
                "cni-plugins",
                "containerd",
                "coredns",
                "etcd-3.4",
                "etcd-3.5",
                "etcd-3.6",
                "etcd-3.7",
                "kubernetes",
                "kubernetes-node",
                "prometheus-alerts",
                "runc",
                "versitygw"
            ]
        );
        assert_eq!(
            set("prometheus-alerts").unwrap().version,
            Version::parse("0.316.0").unwrap()
        );
        for set in &sets {
            assert!(!set.programs.is_empty() && set.digest.len() == 12, "{set:?}");
            if let Some(minor) = set.name.strip_prefix("etcd-") {
                assert!(set.version.to_string().starts_with(minor), "{set:?}");
            }
        }
    }
}
