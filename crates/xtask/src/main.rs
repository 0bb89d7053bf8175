//! `cargo xtask`: everything a developer runs that is no plain cargo command.

mod advisories;
mod bench;
mod cargo;
mod demo;
mod generated;
mod test;
mod write_image;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};
use xtask::{say, tools};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Tasks of etcd-backup-operator",
    version
)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Find or build what tests and the demo run: etcd, kube-apiserver, kubectl, versitygw, protoc, cargo-deny
    Tools {
        /// Folders below tools/, protoc or cargo-deny; when absent, everything but the parts of a whole node (containerd,
        /// runc, cni-plugins, coredns, kubernetes-node)
        what: Vec<String>,
    },
    /// Write the custom resource definitions into crds/
    Crds {
        /// Change nothing; fail when they are not current
        #[arg(long)]
        check: bool,
    },
    /// Write the reference of fields and commands into docs/reference/
    Docs {
        /// Change nothing; fail when it is not current
        #[arg(long)]
        check: bool,
    },
    /// Back up a real Kubernetes API server's etcd into a real S3 server, restore it and compare
    Demo(demo::Options),
    /// Measure speed and memory on real servers, beside etcd's own tools
    Bench(bench::Options),
    /// Write a container image without a container engine, as `docker save` would
    Image(write_image::Options),
    /// Look up what is known against the dependencies: vulnerabilities, and what was yanked or is not maintained; needs the network
    Advisories,
    /// Run the tests
    Test(test::Options),
}

fn main() -> ExitCode {
    let end = match Arguments::parse().task {
        Task::Tools { what } => provide(&what),
        Task::Crds { check } => generated::crds(check),
        Task::Docs { check } => generated::docs(check),
        Task::Demo(options) => demo::run_demo(&options),
        Task::Bench(options) => bench::run_bench(&options),
        Task::Image(options) => write_image::write(&options),
        Task::Advisories => advisories::check(),
        Task::Test(options) => test::run(&options),
    };
    match end {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Finds or builds tools by name.
fn provide(what: &[String]) -> Result<()> {
    let sets = tools::sets()?;
    let wanted = |name: &str| what.is_empty() || what.iter().any(|word| word == name);
    let known =
        |name: &String| sets.iter().any(|set| set.name == *name) || name == "protoc" || name == "cargo-deny";
    if let Some(unknown) = what.iter().find(|name| !known(name)) {
        let names: Vec<_> = sets.iter().map(|set| set.name.as_str()).collect();
        bail!(
            "no tool is called {unknown}; there are {}, protoc, cargo-deny",
            names.join(", ")
        );
    }
    say!("tools:");
    if wanted("protoc") {
        tools::protoc::provide(false)?;
    }
    // A node takes minutes to build, and headers that not every machine has.
    let asked = |set: &&tools::Set| wanted(&set.name) && (!what.is_empty() || !set.is_of_a_node());
    for set in sets.iter().filter(asked) {
        tools::build::provide(set).with_context(|| format!("provide {}", set.name))?;
    }
    if wanted("cargo-deny") {
        tools::cargo_deny::provide(false)?;
    }
    Ok(())
}
