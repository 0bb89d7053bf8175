//! The command line against real servers, as a person or a script uses it; etcd's own tools are the judges.

mod bucket;
mod doubtful;
mod killed;
mod proof;
mod restoring;
mod saving;
mod storing;

use std::{
    ffi::OsStr,
    fs,
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use harness::{
    binaries,
    etcd::{Etcd, Version},
    s3::S3Server,
    versitygw::Versitygw,
};
use serde_json::Value;
use tokio::{
    process::{Child, Command},
    time::timeout,
};

/// Longer than any deadline of the program itself.
const SOON: Duration = Duration::from_mins(1);

/// `etcd-backup`, untouched by the environment of whoever runs the tests.
fn program() -> Result<Command> {
    let mut command = Command::new(binaries::etcd_backup()?);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("ETCD") || text.starts_with("AWS_") {
            command.env_remove(&name);
        }
    }
    command.stdin(Stdio::null()).kill_on_drop(true);
    Ok(command)
}

async fn output(command: &mut Command) -> Result<Output> {
    timeout(SOON, command.output())
        .await
        .with_context(|| format!("{command:?} does not end"))?
        .with_context(|| format!("start {command:?}"))
}

/// Its standard output; it must succeed.
async fn done(command: &mut Command) -> Result<String> {
    let output = output(command).await?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{command:?} ended with {}: {errors}",
        output.status
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// Its standard error; it must fail with this code, and print nothing as a result.
async fn failed(command: &mut Command, code: i32) -> Result<String> {
    let output = output(command).await?;
    let errors = String::from_utf8(output.stderr)?;
    ensure!(
        output.status.code() == Some(code),
        "{command:?} ended with {}: {errors}",
        output.status
    );
    ensure!(
        output.stdout.is_empty(),
        "{command:?} failed and printed a result all the same"
    );
    ensure!(
        !errors.contains("panicked") && errors.starts_with("Error: "),
        "{errors}"
    );
    Ok(errors)
}

fn save(etcd: &Etcd, to: impl AsRef<OsStr>) -> Result<Command> {
    let mut command = program()?;
    command.args(["snapshot", "save"]).arg(to.as_ref());
    command.args(["--endpoints", &etcd.endpoints().join(",")]);
    Ok(command)
}

/// A server that a command is to find its bucket on.
struct Server<'a> {
    endpoint: &'a str,
    access_key: &'a str,
    secret_key: &'a str,
}

impl<'a> From<&'a Versitygw> for Server<'a> {
    fn from(server: &'a Versitygw) -> Self {
        Self {
            endpoint: &server.endpoint,
            access_key: &server.access_key,
            secret_key: &server.secret_key,
        }
    }
}

impl<'a> From<&'a S3Server> for Server<'a> {
    fn from(server: &'a S3Server) -> Self {
        Self {
            endpoint: &server.endpoint,
            access_key: S3Server::ACCESS_KEY,
            secret_key: S3Server::SECRET_KEY,
        }
    }
}

/// Names it as a person has to. All of them are in one region.
fn reach<'a, 's>(command: &'a mut Command, server: impl Into<Server<'s>>) -> &'a mut Command {
    let server = server.into();
    command
        .args([
            "--endpoint-url",
            server.endpoint,
            "--region",
            S3Server::REGION,
            "--allow-http",
        ])
        .env("AWS_ACCESS_KEY_ID", server.access_key)
        .env("AWS_SECRET_ACCESS_KEY", server.secret_key)
}

/// A text in an answer in JSON.
fn text<'a>(value: &'a Value, pointer: &str) -> Result<&'a str> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.with_context(|| format!("{pointer} in {value}"))
}

/// The value of `greeting` in a snapshot, by etcd itself.
async fn greeting(file: &Path) -> Result<String> {
    let restored = Etcd::start(Version::V3_6).restored_from(file).await?;
    let answer = restored.client().await?.get("greeting", None).await?;
    let value = answer.kvs().first().context("the key")?.value();
    Ok(String::from_utf8(value.to_vec())?)
}

/// Starts it, with its output to be read.
fn piped(command: &mut Command) -> Result<Child> {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    child.context("start it")
}

/// Asks it to end.
fn terminate(child: &Child) -> Result<()> {
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
    let pid = pid
        .and_then(rustix::process::Pid::from_raw)
        .context("a process")?;
    Ok(rustix::process::kill_process(pid, rustix::process::Signal::TERM)?)
}

fn entries(folder: &Path, starting: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with(starting) {
            names.push(name);
        }
    }
    Ok(names)
}

#[tokio::test]
async fn completion_manual_pages_and_version_are_there() -> Result<()> {
    let script = done(program()?.args(["completion", "bash"])).await?;
    ensure!(script.contains("etcd-backup") && script.contains("--endpoints"));
    let pages = harness::scratch::folder("man")?;
    done(program()?.arg("man").arg(pages.path())).await?;
    ensure!(entries(pages.path(), "etcd-backup-fetch")?.len() == 1);
    let version = done(program()?.arg("version")).await?;
    ensure!(version.starts_with("etcd-backup "), "{version}");
    // As for etcdctl, a variable that is set to nothing is not set.
    let mut command = program()?;
    command
        .arg("version")
        .env("ETCDCTL_WRITE_OUT", "")
        .env("ETCDCTL_DIAL_TIMEOUT", "")
        .env("ETCDCTL_ENDPOINTS", "");
    assert_eq!(done(&mut command).await?, version);
    Ok(())
}

#[tokio::test]
async fn a_panic_ends_the_program_with_its_place_and_without_its_message() -> Result<()> {
    // A thread with a stack as large as the address space cannot be started, and the runtime panics over it.
    let mut command = program()?;
    command.args(["snapshot", "save", "never-written"]);
    let errors = failed(command.env("RUST_MIN_STACK", (1_u64 << 47).to_string()), 101).await?;
    ensure!(errors.starts_with("Error: a panic at "), "{errors}");
    ensure!(!errors.contains("spawn"), "the message is shown: {errors}");
    Ok(())
}
