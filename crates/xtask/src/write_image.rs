//! `cargo xtask image`: builds the program and writes its image.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use xtask::{image, say, tools};

use crate::cargo::{built, cargo, check_compiler, run};

/// Options of the image.
#[derive(Args)]
pub(crate) struct Options {
    /// The archive to write [default: etcd-backup-image.tar in cargo's target folder]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Its name and tag
    #[arg(long, default_value = image::DEFAULT_NAME)]
    name: String,
    /// As cargo builds it: release or dev
    #[arg(long, default_value = "release")]
    profile: String,
}

pub(crate) fn write(options: &Options) -> Result<()> {
    check_compiler()?;
    tools::protoc::provide(true)?;
    run(cargo()
        .args([
            "build",
            "--locked",
            "--package",
            "etcd-backup-cli",
            "--bin",
            "etcd-backup",
        ])
        .args(["--profile", &options.profile]))?;
    let target = built()?;
    let target = target.parent().context("cargo's target folder")?;
    // Cargo puts the profiles dev and test into a folder called debug.
    let folder = match &*options.profile {
        "dev" | "test" => "debug",
        "bench" => "release",
        other => other,
    };
    let output = match &options.output {
        Some(path) => path.clone(),
        None => target.join("etcd-backup-image.tar"),
    };
    image::etcd_backup(&target.join(folder).join("etcd-backup"), &options.name)?.write(&output)?;
    say!(
        "{} is {}; load it with one of\n  docker load --input {1}\n  podman load --input {1}\n  ctr --namespace k8s.io images import {1}",
        options.name,
        output.display()
    );
    Ok(())
}
