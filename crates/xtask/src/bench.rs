//! `cargo xtask bench`: provides what it needs, builds it for release, and becomes it.

use std::{os::unix::process::CommandExt, process::Command};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use xtask::{say, tools};

use crate::cargo::{built, cargo, check_compiler, run};

/// Options of the benchmark.
#[derive(Args)]
pub(crate) struct Options {
    /// What to measure; everything when absent
    #[arg(value_enum, value_name = "NAME")]
    groups: Vec<Group>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Group {
    /// Verifying a snapshot, and `snapshot status` beside etcdutl's
    Verify,
    /// From etcd into a store
    Pipeline,
    /// The most memory that a backup takes
    Memory,
    /// From a snapshot to a data directory
    Restore,
    /// What ten thousand plans cost with nothing due
    Idle,
}

pub(crate) fn run_bench(options: &Options) -> Result<()> {
    check_compiler()?;
    tools::protoc::provide(true)?;
    say!("Looking for the servers the benchmark starts:");
    for name in ["etcd-3.6", "versitygw", "kubernetes"] {
        tools::build::provide(&tools::set(name)?)?;
    }
    say!("Building for release (the first time takes some minutes):");
    let packages = ["--package", "etcd-backup-cli", "--package", "etcd-backup-tests"];
    run(cargo().args(["build", "--release"]).args(packages).args([
        "--bin",
        "etcd-backup",
        "--bin",
        "bench",
    ]))?;
    // This program lies in <target folder>/<profile>.
    let target = built()?;
    let target = target.parent().context("find the target folder")?;
    let release = target.join("release");
    let mut bench = Command::new(release.join("bench"));
    bench
        .env("ETCD_BACKUP_BIN", release.join("etcd-backup"))
        .arg("--json")
        .arg(target.join("bench.json"));
    let names = options.groups.iter().filter_map(Group::to_possible_value);
    bench.args(names.map(|name| name.get_name().to_owned()));
    // In place of this process: Ctrl-C then reaches the benchmark alone.
    Err(bench.exec()).context("start the benchmark")
}
