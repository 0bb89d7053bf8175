//! How `go build` makes a set's programs, where that is not the same for all.

use std::process::Command;

use anyhow::{Result, bail};

use super::pinned::Set;

/// What `go build` is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    /// `CGO_ENABLED`: whether C is compiled too.
    pub(super) cgo: bool,
    /// `-tags`, separated by commas.
    pub(super) tags: &'static str,
    /// `-ldflags`.
    pub(super) ldflags: String,
}

impl Set {
    /// How its programs are built.
    pub(super) fn settings(&self) -> Settings {
        let (cgo, tags) = match self.name.as_str() {
            // File systems that nobody here has. btrfs needs headers too.
            "containerd" => (false, "no_btrfs,no_devmapper,no_zfs,no_tracing"),
            // Its first steps inside new namespaces are C, and so is what writes system call filters.
            "runc" => (true, "seccomp"),
            _ => (false, ""),
        };
        Settings {
            cgo,
            tags,
            ldflags: self.ldflags(),
        }
    }

    /// Fails with what to install where something cannot be built from Go modules alone.
    pub(super) fn check_headers(&self) -> Result<()> {
        // Without it runc refuses every pod that asks for the runtime's filter, as the restricted profile demands.
        if self.name != "runc" || has_libseccomp() {
            return Ok(());
        }
        bail!(
            "runc needs the headers of libseccomp, and pkg-config finds none.\n  \
             Debian: apt-get install libseccomp-dev pkg-config\n  Fedora: dnf install libseccomp-devel pkgconf"
        )
    }

    /// Stripped, and with a version where the program would else not know its own.
    fn ldflags(&self) -> String {
        let version = self.version;
        let stamps: &[(&str, &str)] = match self.name.as_str() {
            // Without a version Kubernetes calls itself v0.0.0-master+$Format:%H$, which clients do not parse.
            "kubernetes" | "kubernetes-node" => &[
                ("k8s.io/component-base/version.gitVersion", "v"),
                ("k8s.io/client-go/pkg/version.gitVersion", "v"),
            ],
            "containerd" => &[("github.com/containerd/containerd/v2/version.Version", "v")],
            "cni-plugins" => &[(
                "github.com/containernetworking/plugins/pkg/utils/buildversion.BuildVersion",
                "v",
            )],
            _ => &[],
        };
        let stamp = |(variable, prefix): &(&str, &str)| format!(" -X {variable}={prefix}{version}");
        format!("-s -w{}", stamps.iter().map(stamp).collect::<String>())
    }
}

/// Whether the headers of libseccomp are there, as runc's build looks for them.
fn has_libseccomp() -> bool {
    let mut asked = Command::new("pkg-config");
    asked.args(["--exists", "libseccomp"]);
    asked.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::super::pinned::set;

    #[test]
    fn kubernetes_is_stamped_with_the_pinned_version() {
        for name in ["kubernetes", "kubernetes-node"] {
            let flags = set(name).unwrap().settings().ldflags;
            assert!(
                flags.starts_with("-s -w -X k8s.io/component-base/version.gitVersion=v1."),
                "{flags}"
            );
        }
    }

    #[test]
    fn only_runc_needs_a_c_compiler() {
        for name in [
            "etcd-3.6",
            "kubernetes",
            "kubernetes-node",
            "containerd",
            "cni-plugins",
            "coredns",
        ] {
            assert!(!set(name).unwrap().settings().cgo, "{name}");
        }
        assert!(set("runc").unwrap().settings().cgo);
    }

    #[test]
    fn a_node_is_of_the_same_release_as_its_api_server() {
        assert_eq!(
            set("kubernetes").unwrap().version,
            set("kubernetes-node").unwrap().version
        );
    }
}
