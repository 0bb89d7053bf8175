//! Namespaces around the whole test process, with which everything ends.
//!
//! The process starts itself again below `unshare`, and waits. `unshare` is told to die with its parent, and its child
//! to die with it; that child is the first process of a new process namespace, so the kernel kills all the others with it,
//! and mounts and network go with the last of them. What is outside (temporary files, empty cgroups) is removed by whoever
//! is left: this process, or its watcher ([`crate::process::reaper`]).

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use xtask::tools;

use super::cgroups;
use crate::{process::reaper, scratch};

/// What tells the inner process that it is one, and how its cgroups are called.
const NAME: &str = "ETCD_BACKUP_RIG";

/// A shell is the first process inside: unlike a test it waits for whatever is left to it, as a first process must.
const FIRST: &str = r#""$@"; exit $?"#;

/// Where a process finds itself.
#[derive(Debug)]
pub enum Enclosure {
    /// Inside: go on.
    Inside,
    /// Outside, and what ran inside has ended like this.
    Ended(ExitCode),
}

/// Runs this program, with the arguments it was given, in namespaces of its own. Called first thing, by both.
///
/// # Errors
/// With what to install or do where that is not possible: being root, and programs of util-linux and iproute2.
pub fn enter() -> Result<Enclosure> {
    if name().is_some() {
        return Ok(Enclosure::Inside);
    }
    tools::check_for_pods()?;
    let name = format!("etcd-backup-rig-{}", std::process::id());
    let folder = scratch::root()?;
    reaper::remove_cgroup_at_end(&name)?;
    let mut inner = Command::new("setpriv");
    inner.args(["--pdeathsig", "KILL", "unshare", "--net", "--mount", "--pid"]);
    inner.args(["--fork", "--kill-child", "--mount-proc"]);
    inner.args(["sh", "-c", FIRST, "sh"]);
    inner.arg(env::current_exe().context("find this program's own file")?);
    inner.args(env::args_os().skip(1));
    inner.env(NAME, &name).env("TMPDIR", folder);
    let mut inner = inner.spawn().context("start setpriv")?;
    explain(&inner, folder);
    let status = inner.wait().context("wait for what runs inside")?;
    cgroups::remove(&name)?;
    scratch::clear()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(Enclosure::Ended(code.map_or(ExitCode::FAILURE, ExitCode::from)))
}

/// What belongs to this rig on the machine is called so; nothing when the process is not enclosed.
pub(super) fn name() -> Option<String> {
    env::var(NAME).ok()
}

/// Puts the administrator's identity where [`enter`] said it would be.
pub(super) fn publish_kubeconfig(file: &Path) -> Result<()> {
    fs::copy(file, kubeconfig(&env::temp_dir()))
        .map(drop)
        .context("copy the kubeconfig file")
}

fn kubeconfig(folder: &Path) -> PathBuf {
    folder.join("kubeconfig")
}

/// How to look inside from another terminal.
#[expect(clippy::print_stderr, reason = "whoever runs the tests wants to know")]
fn explain(inner: &Child, folder: &Path) {
    let Some(first) = first_inside(inner.id()) else {
        return;
    };
    eprintln!(
        "To look into the rig while it runs:\n  nsenter --target {first} --net --mount --pid env KUBECONFIG={} kubectl get \
         pods --all-namespaces",
        kubeconfig(folder).display()
    );
}

/// The first process inside, by its number outside: the child of `unshare`, once there is one.
fn first_inside(unshare: u32) -> Option<u32> {
    let children = format!("/proc/{unshare}/task/{unshare}/children");
    let end = Instant::now() + Duration::from_secs(2);
    while Instant::now() < end {
        let first = fs::read_to_string(&children).ok()?;
        if let Some(first) = first.split_whitespace().next() {
            return first.parse().ok();
        }
        std::thread::yield_now();
    }
    None
}
