//! `cargo xtask demo`: provides what it needs, builds it, and becomes it.

use std::{os::unix::process::CommandExt, process::Command};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use xtask::{say, tools};

use crate::cargo::{built, cargo, check_compiler, run};

/// Options of the demo.
#[derive(Args)]
pub(crate) struct Options {
    /// Where snapshots go: a real S3 server, or a folder
    #[arg(long, value_enum, default_value_t = Store::S3)]
    store: Store,
    /// Leave everything running, and say how to look around
    #[arg(long)]
    keep: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Store {
    S3,
    Local,
}

pub(crate) fn run_demo(options: &Options) -> Result<()> {
    check_compiler()?;
    tools::protoc::provide(true)?;
    let store = match options.store {
        Store::S3 => "s3",
        Store::Local => "local",
    };
    say!("Looking for the servers the demo starts:");
    for name in ["etcd-3.6", "kubernetes"]
        .into_iter()
        .chain((store == "s3").then_some("versitygw"))
    {
        tools::build::provide(&tools::set(name)?)?;
    }
    say!("Building (the first time takes some minutes):");
    let packages = ["--package", "etcd-backup-cli", "--package", "etcd-backup-tests"];
    run(cargo()
        .arg("build")
        .args(packages)
        .args(["--bin", "etcd-backup", "--bin", "demo"]))?;
    let folder = built()?;
    let mut demo = Command::new(folder.join("demo"));
    demo.env("ETCD_BACKUP_BIN", folder.join("etcd-backup"))
        .args(["--store", store]);
    if options.keep {
        demo.arg("--keep");
    }
    // In place of this process: Ctrl-C then reaches the demo alone, and the prompt is back when it has cleaned up.
    Err(demo.exec()).context("start the demo")
}
