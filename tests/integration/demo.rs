//! `cargo xtask demo`, as a person sees it: to its end, and interrupted.

use std::{
    fs,
    path::PathBuf,
    process::{Command, ExitStatus},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use harness::{binaries, process::Process, scratch, wait};
use rustix::process::Signal;
use tempfile::TempDir;

/// It takes a minute at most when nothing else runs.
const PATIENCE: Duration = Duration::from_mins(3);

/// A demo in a temporary folder of its own, so that whatever it leaves can be told.
struct Demo {
    process: Process,
    folder: TempDir,
}

impl Demo {
    fn start(arguments: &[&str]) -> Result<Self> {
        let folder = scratch::folder("demo")?;
        let place = folder.path().join("tmp");
        fs::create_dir(&place).context("make its temporary folder")?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
        command
            .env("TMPDIR", place)
            .env("ETCD_BACKUP_BIN", binaries::etcd_backup()?)
            .args(arguments);
        let process = Process::start("demo", &mut command, &folder.path().join("said"))?;
        Ok(Self { process, folder })
    }

    fn place(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }

    /// What it has printed.
    fn said(&self) -> Result<String> {
        fs::read_to_string(self.process.log()).context("read what it printed")
    }

    async fn says(&mut self, words: &str) -> Result<()> {
        wait::until_ok(format!("the demo to say: {words}"), PATIENCE, async || {
            self.process.check()?;
            let said = self.said()?;
            ensure!(said.contains(words), "{said}");
            Ok(())
        })
        .await
    }

    async fn ends(&mut self) -> Result<ExitStatus> {
        wait::until_some("the demo to end", PATIENCE, async || self.process.ended()).await
    }

    /// Command lines of processes that use its folder.
    fn processes(&self) -> Result<Vec<String>> {
        let place = self.place().to_string_lossy().into_owned();
        let entries = fs::read_dir("/proc").context("list processes")?.flatten();
        let lines = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
        let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
        Ok(lines.filter(|line| line.contains(&place)).collect())
    }

    /// No process and no file is there any more: it said that they are not.
    fn nothing_is_left(&self) -> Result<()> {
        let left = self.processes()?;
        ensure!(left.is_empty(), "there still run {left:?}");
        let left = fs::read_dir(self.place())?.count();
        ensure!(left == 0, "{left} of its files are left");
        Ok(())
    }
}

#[tokio::test]
async fn the_demo_backs_up_a_living_kubernetes_lists_restores_and_compares_it() -> Result<()> {
    let mut demo = Demo::start(&[])?;
    demo.says("Kubernetes API").await?;
    ensure!(
        demo.processes()?.len() >= 2,
        "its servers cannot be told: {:?}",
        demo.processes()?
    );
    let ended = demo.ends().await?;
    let said = demo.said()?;
    ensure!(ended.success(), "it ended with {ended}: {said}");
    for words in [
        "$ etcd-backup list s3://backups/trial",
        "default/every-minute",
        "HashKV",
        "SUCCESS in",
    ] {
        ensure!(said.contains(words), "it does not say {words}: {said}");
    }
    demo.nothing_is_left()
}

#[tokio::test]
async fn a_demo_that_is_interrupted_leaves_no_process_and_no_file() -> Result<()> {
    for (arguments, words, well) in [
        (&[][..], "Kubernetes API", false),
        (&["--store=local", "--keep"], "Ctrl-C ends it", true),
    ] {
        let mut demo = Demo::start(arguments)?;
        demo.says(words).await?;
        ensure!(!demo.processes()?.is_empty(), "its servers cannot be told");
        demo.process.signal(Signal::INT)?;
        let ended = demo.ends().await?;
        ensure!(ended.success() == well, "it ended with {ended}: {}", demo.said()?);
        demo.nothing_is_left()?;
    }
    Ok(())
}
