//! The cgroup below which a rig's pods are, in every hierarchy of this machine.
//!
//! Control groups are the machine's: no namespace takes them away when it ends.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

const MOUNTED: &str = "/sys/fs/cgroup";

/// Makes the cgroup that the kubelet is told to stay below. It has to be there in every hierarchy that the kubelet uses.
pub(super) fn create(name: &str) -> Result<()> {
    for folder in hierarchies()?.into_iter().map(|top| top.join(name)) {
        fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        weigh(&folder)?;
    }
    Ok(())
}

/// Eight times the default of version 1 and version 2. A group weighs as much as one process beside it does, so that a busy
/// machine would starve all pods together.
fn weigh(folder: &Path) -> Result<()> {
    for (file, weight) in [("cpu.shares", "8192"), ("cpu.weight", "800")] {
        let file = folder.join(file);
        if file.is_file() {
            fs::write(&file, weight).with_context(|| format!("write {}", file.display()))?;
        }
    }
    Ok(())
}

/// Removes it and what is below, once its processes are gone.
pub(super) fn remove(name: &str) -> Result<()> {
    let mut tops = hierarchies()?;
    // Of version 2 beside version 1, into which runc puts what it starts.
    tops.push(PathBuf::from(MOUNTED).join("unified"));
    for folder in tops.into_iter().map(|top| top.join(name)) {
        if folder.is_dir() {
            remove_folder(&folder).with_context(|| format!("remove {}", folder.display()))?;
        }
    }
    Ok(())
}

/// The processes in it and below, by their number in this process namespace.
pub(super) fn processes(name: &str) -> Result<Vec<i32>> {
    let mut found = Vec::new();
    for folder in hierarchies()?.into_iter().map(|top| top.join(name)) {
        collect(&folder, &mut found)?;
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn collect(folder: &Path, found: &mut Vec<i32>) -> Result<()> {
    // A pod may end meanwhile.
    let Ok(listed) = fs::read_to_string(folder.join("cgroup.procs")) else {
        return Ok(());
    };
    found.extend(listed.lines().filter_map(|line| line.parse::<i32>().ok()));
    for below in folders(folder)? {
        collect(&below, found)?;
    }
    Ok(())
}

/// The one tree of version 2, or the tree of every controller of version 1.
fn hierarchies() -> Result<Vec<PathBuf>> {
    let mounted = PathBuf::from(MOUNTED);
    if mounted.join("cgroup.controllers").is_file() {
        return Ok(vec![mounted]);
    }
    let mut all = folders(&mounted)?;
    // Links such as `cpu` to `cpu,cpuacct` are left out, and so is version 2 beside version 1, which has no controllers.
    all.retain(|path| path.join("tasks").is_file());
    Ok(all)
}

/// The files in a cgroup are the kernel's: only folders can be removed.
fn remove_folder(folder: &Path) -> Result<()> {
    for below in folders(folder)? {
        remove_folder(&below)?;
    }
    match fs::remove_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}
