//! What each tier runs.

use std::{env, fmt, num::NonZero, process::Command, thread};

use anyhow::Result;
use clap::ValueEnum;
use xtask::{root, tools};

use crate::{
    cargo::{built, cargo, check_compiler, check_component, run},
    generated,
};

/// A kind of test, by what it needs.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tier {
    /// Formatting, clippy, licences and the walls between crates, generated files
    Lint,
    /// Beside the code: no network, no clock
    Unit,
    /// Real etcd, kube-apiserver and S3 servers
    Integration,
    /// What is installed, as real pods of a whole node; needs root
    E2e,
}

impl Tier {
    pub(crate) const ALL: [Self; 4] = [Self::Lint, Self::Unit, Self::Integration, Self::E2e];

    pub(crate) fn what(self) -> &'static str {
        match self {
            Self::Lint => "formatting, clippy, licences and walls between crates, generated files",
            Self::Unit => "tests beside the code",
            Self::Integration => "real etcd, kube-apiserver and S3 servers",
            Self::E2e => "what is installed, as real pods of a whole node",
        }
    }

    /// Runs it, one of `all`; `extra` goes to `cargo test`.
    pub(crate) fn run(self, all: &[Self], extra: &[String]) -> Result<()> {
        check_compiler()?;
        tools::protoc::provide(true)?;
        match self {
            Self::Lint => lint(),
            Self::Unit => test(&["--workspace", "--exclude", "etcd-backup-tests"], extra),
            Self::Integration => integration(all.contains(&Self::E2e), extra),
            Self::E2e => end_to_end(extra),
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lint => "lint",
            Self::Unit => "unit",
            Self::Integration => "integration",
            Self::E2e => "e2e",
        })
    }
}

fn lint() -> Result<()> {
    check_component("fmt", "rustfmt")?;
    check_component("clippy", "rust-clippy")?;
    let deny = tools::cargo_deny::provide(true)?;
    run(cargo().args(["fmt", "--all", "--check"]))?;
    let clippy = [
        "clippy",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ];
    run(cargo().args(clippy))?;
    fuzz_targets()?;
    let mut command = Command::new(deny);
    command.current_dir(root()).args(["--all-features", "check"]);
    // A wall may let more through than passes today. Advisories have a task of their own, which needs the network.
    run(command.args(["--allow", "unused-wrapper", "bans", "licenses", "sources"]))?;
    generated::crds(true)?;
    generated::docs(true)
}

/// The fuzz targets are a workspace of their own. To run them takes a nightly compiler and libFuzzer, which is C++; whether they
/// compile, any compiler says, and libFuzzer is not built when another one is named (the build script of libfuzzer-sys), which is
/// never looked for, as nothing is linked.
fn fuzz_targets() -> Result<()> {
    let folder = built()?.with_file_name("fuzz");
    let mut command = cargo();
    command
        .args([
            "check",
            "--quiet",
            "--locked",
            "--manifest-path",
            "tests/fuzz/Cargo.toml",
        ])
        .arg("--target-dir")
        .arg(&folder)
        .env("CUSTOM_LIBFUZZER_PATH", folder.join("libfuzzer.a"))
        .env("RUSTFLAGS", "-D warnings");
    run(&mut command)
}

/// Real servers; with pods to follow, what that tier needs is compiled here too: the largest part of either takes one processor.
fn integration(with_pods: bool, extra: &[String]) -> Result<()> {
    for set in tools::sets()?.iter().filter(|set| !set.is_of_a_node()) {
        tools::build::provide(set)?;
    }
    // The operator runs as the program that is shipped.
    run(cargo().args(["build", "--quiet", "--package", "etcd-backup-cli"]))?;
    let cases = ["--package", "etcd-backup-tests", "--lib", "--test", "integration"];
    if with_pods {
        let both = [&cases[..], &["--test", "e2e", "--no-run"]].concat();
        run(&mut test_command(&both, &[])?)?;
    }
    run(at_once(&mut test_command(&cases, extra)?))?;
    test(&["--package", "etcd-backup-tests", "--doc"], extra)
}

fn end_to_end(extra: &[String]) -> Result<()> {
    // Before minutes of building.
    tools::check_for_pods()?;
    let also = ["etcd-3.6", "kubernetes", "versitygw"];
    let needed = |set: &&tools::Set| set.is_of_a_node() || also.contains(&&*set.name);
    for set in tools::sets()?.iter().filter(needed) {
        tools::build::provide(set)?;
    }
    // It becomes an image, as `cargo xtask image` writes it.
    run(cargo().args(["build", "--quiet", "--package", "etcd-backup-cli"]))?;
    test(&["--package", "etcd-backup-tests", "--test", "e2e"], extra)
}

/// How many integration tests run at once, at least. They wait for servers more than they compute: with four at once, they leave
/// two fifths of the two processors of a small machine to others. Each has a Kubernetes' worth of memory.
const AT_ONCE: usize = 6;

/// Sets how many run at once, unless that was said; what is given to `cargo test` comes first anyway.
fn at_once(command: &mut Command) -> &mut Command {
    const VARIABLE: &str = "RUST_TEST_THREADS";
    if env::var_os(VARIABLE).is_none() {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        command.env(VARIABLE, processors.max(AT_ONCE).to_string());
    }
    command
}

fn test(packages: &[&str], extra: &[String]) -> Result<()> {
    run(&mut test_command(packages, extra)?)
}

/// Quiet about what is built, not about what is tested.
fn test_command(packages: &[&str], extra: &[String]) -> Result<Command> {
    let mut command = cargo();
    command.env("ETCD_BACKUP_BIN", built()?.join("etcd-backup"));
    // A test that fails says why in the words of its error; a backtrace through the runtime says nothing.
    if env::var_os("RUST_LIB_BACKTRACE").is_none() {
        command.env("RUST_LIB_BACKTRACE", "0");
    }
    command
        .args(["test", "--all-features", "--no-fail-fast"])
        .args(packages)
        .arg("--")
        .args(extra);
    Ok(command)
}
