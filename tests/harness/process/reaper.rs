//! Ends the servers of a test process that was killed.
//!
//! A shell, started with the first server, reads the ids of process groups from a pipe. When the test process ends, by
//! whatever means, the kernel closes the pipe; the shell then kills the groups that were not struck off, removes the
//! temporary folder, and ends. It is in a process group of its own, so Ctrl-C does not reach it.

use std::{
    io::Write,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, Result};

/// Reads `+<id>`, `-<id>`, `!<folder>` and `%<cgroup>`, one a line. A cgroup can be removed once the last of its processes
/// is gone, which after a kill takes a moment, and until then files may still be written.
const SCRIPT: &str = r#"
groups=" "; folder=; cgroup=
while IFS= read -r line; do
  what=${line#?}
  case $line in
    +*) groups="$groups$what " ;;
    -*) case $groups in *" $what "*) groups="${groups%% "$what" *} ${groups#* "$what" }" ;; esac ;;
    !*) folder=$what ;;
    %*) cgroup=$what ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
left() {
  [ -z "$folder" ] || rm -rf -- "$folder" 2>/dev/null
  [ -z "$cgroup" ] || for top in /sys/fs/cgroup/"$cgroup" /sys/fs/cgroup/*/"$cgroup"; do
    [ ! -d "$top" ] || find "$top" -depth -type d -exec rmdir {} + 2>/dev/null
  done
  for path in ${folder:+"$folder"} ${cgroup:+/sys/fs/cgroup/"$cgroup" /sys/fs/cgroup/*/"$cgroup"}; do
    [ ! -d "$path" ] || return 0
  done
  return 1
}
tries=0
while left && [ "$tries" -lt 100 ]; do tries=$((tries + 1)); sleep 0.1; done
"#;

static SHELL: Mutex<Option<Child>> = Mutex::new(None);

/// Kill this process group when the test process ends.
pub(super) fn watch(group: u32) -> Result<()> {
    tell(&format!("+{group}"))
}

/// The process group has ended; its id may be given to someone else.
pub(super) fn forget(group: u32) {
    // Without a shell there is nothing to forget.
    let _ = tell(&format!("-{group}"));
}

/// Remove this folder when the test process ends.
pub(crate) fn remove_at_end(folder: &Path) -> Result<()> {
    tell(&format!("!{}", folder.display()))
}

/// Remove the cgroups of this name, and those below them, when the test process ends.
pub(crate) fn remove_cgroup_at_end(name: &str) -> Result<()> {
    tell(&format!("%{name}"))
}

fn tell(line: &str) -> Result<()> {
    let mut shell = SHELL.lock().unwrap_or_else(PoisonError::into_inner);
    if shell.is_none() {
        *shell = Some(start()?);
    }
    let pipe = shell
        .as_mut()
        .and_then(|child| child.stdin.as_mut())
        .context("the watcher's pipe is closed")?;
    writeln!(pipe, "{line}").context("tell the watcher")
}

fn start() -> Result<Child> {
    Command::new("sh")
        .args(["-c", SCRIPT, "etcd-backup-test-watcher"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .context("start the watcher of test servers")
}
