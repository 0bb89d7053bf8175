//! What a node expects of its machine, made inside the namespaces: addresses, private folders, settings of the kernel.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::{Rig, commands::run};

/// The bridge that pods are connected to. Its address is [`Rig::HOST`].
pub(super) const BRIDGE: &str = "cni0";
/// The network of pods.
pub(super) const PODS: &str = "10.88.0.0/24";
/// The address of the service `kubernetes`.
pub(super) const SERVICE: &str = "10.96.0.1";

/// Where programs of a node keep state whatever they are told. Those that do not exist are made, and stay, empty.
const PRIVATE: [&str; 7] = [
    "/var/lib/kubelet",
    "/var/lib/cni",
    "/var/log/pods",
    "/var/log/containers",
    "/run/containerd",
    "/run/runc",
    "/run/netns",
];

/// What the kubelet wants of the kernel, and would else write for the whole machine (`getDefaultSysctls` and
/// `setupKernelTunables` in pkg/kubelet/cm/container_manager_linux.go). Nothing that is tested depends on it, so it is only
/// shown what it wants to see; should it want more, `protectKernelDefaults` has it fail instead of write.
const TUNABLES: [(&str, &str); 6] = [
    ("vm/overcommit_memory", "1"),
    ("vm/panic_on_oom", "0"),
    ("kernel/panic", "10"),
    ("kernel/panic_on_oops", "1"),
    ("kernel/keys/root_maxkeys", "1000000"),
    ("kernel/keys/root_maxbytes", "25000000"),
];

/// Makes all of it, with files below `folder`.
pub(super) fn prepare(folder: &Path) -> Result<()> {
    mounts(folder).context("give the node private folders")?;
    tunables(folder).context("show the kubelet the kernel it wants")?;
    network().context("give the node a network")?;
    names(folder).context("let names be resolved as in a pod")
}

fn mounts(folder: &Path) -> Result<()> {
    for (number, place) in PRIVATE.iter().enumerate() {
        let private = folder.join(format!("private-{number}"));
        fs::create_dir(&private).with_context(|| format!("make {}", private.display()))?;
        fs::create_dir_all(place).with_context(|| format!("make {place}"))?;
        bind(&private, Path::new(place))?;
    }
    // Volumes that are mounted for pods, and network namespaces, have to be seen by whoever copies this mount namespace.
    for shared in ["/var/lib/kubelet", "/run/netns"] {
        run("mount", &["--make-rshared", shared])?;
    }
    Ok(())
}

fn tunables(folder: &Path) -> Result<()> {
    for (name, value) in TUNABLES {
        let place = PathBuf::from("/proc/sys").join(name);
        let shown = folder.join(name.replace('/', "."));
        fs::write(&shown, format!("{value}\n")).context("write a setting")?;
        bind(&shown, &place)?;
    }
    Ok(())
}

/// The default route leads nowhere: API server and kubelet want to see one.
fn network() -> Result<()> {
    let bridge = format!("{}/24", Rig::HOST);
    let service = format!("{SERVICE}/32");
    let steps: [&[&str]; 6] = [
        &["link", "set", "lo", "up"],
        &["link", "add", BRIDGE, "type", "bridge"],
        &["address", "add", &bridge, "dev", BRIDGE],
        &["link", "set", BRIDGE, "up"],
        &["address", "add", &service, "dev", "lo"],
        &["route", "add", "default", "via", Rig::HOST],
    ];
    steps.into_iter().try_for_each(|step| run("ip", step))
}

/// What runs beside the pods finds them by the same names as they do each other.
fn names(folder: &Path) -> Result<()> {
    let file = resolver(folder);
    let text = format!(
        "nameserver {}\nsearch svc.cluster.local cluster.local\n",
        Rig::HOST
    );
    fs::write(&file, text).context("write resolv.conf")?;
    bind(&file, Path::new("/etc/resolv.conf"))
}

/// The file that says which server knows names.
pub(super) fn resolver(folder: &Path) -> PathBuf {
    folder.join("resolv.conf")
}

fn bind(from: &Path, to: &Path) -> Result<()> {
    run("mount", &[Path::new("--bind"), from, to])
}
