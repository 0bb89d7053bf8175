//! The resident memory of a process, as the kernel counts it (proc_pid_status(5)).

use std::fs;

/// The most it ever had, in MiB; none of a process that has just ended.
pub(crate) fn peak(process: u32) -> Option<f64> {
    field(process, "VmHWM:")
}

/// What it has now, in MiB.
pub(crate) fn now(process: u32) -> Option<f64> {
    field(process, "VmRSS:")
}

/// What it has now that no file stands behind, in MiB.
pub(crate) fn anonymous(process: u32) -> Option<f64> {
    field(process, "RssAnon:")
}

fn field(process: u32, name: &str) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    let kibibytes: u32 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(f64::from(kibibytes) / 1024.0)
}
