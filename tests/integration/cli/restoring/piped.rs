//! A snapshot that comes through a pipe.

use std::{
    fs,
    path::Path,
    process::{ExitStatus, Stdio},
};

use anyhow::{Context, Result, ensure};
use harness::wait;
use tokio::{io::AsyncWriteExt, process::Child, time::timeout};

use super::{
    super::{SOON, entries, failed, piped, program, terminate},
    World,
};

#[tokio::test]
async fn a_pipe_by_its_name_is_a_source_and_one_that_falls_silent_keeps_nobody_waiting() -> Result<()> {
    let world = World::new("3.6.14")?;
    let source = Path::new("/dev/stdin");
    let mut child = piped(world.restore(source, "whole", &[])?.stdin(Stdio::piped()))?;
    let mut stdin = child.stdin.take().context("a pipe")?;
    stdin.write_all(&fs::read(&world.snapshot)?).await?;
    drop(stdin);
    let output = timeout(SOON, child.wait_with_output())
        .await
        .context("it does not end")??;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    ensure!(world.path("whole/member/snap/db").exists());

    let mut look = program()?;
    let said = failed(look.args(["inspect", "summary", "/dev/zero"]), 2).await?;
    ensure!(said.contains("name a file"), "{said}");

    let child = piped(world.restore(source, "silent", &[])?.stdin(Stdio::piped()))?;
    wait::until("the restore to begin", SOON, async || {
        entries(world.folder.path(), "silent.restoring-").is_ok_and(|found| found.len() == 1)
    })
    .await?;
    terminate(&child)?;
    // Its end of the pipe stays open, as of a writer that hangs.
    let output = timeout(SOON, wait_without_closing(child))
        .await
        .context("it goes on")??;
    assert_eq!(output.code(), Some(130));
    assert_eq!(entries(world.folder.path(), "silent")?, [""; 0]);
    Ok(())
}

async fn wait_without_closing(mut child: Child) -> Result<ExitStatus> {
    let stdin = child.stdin.take();
    let status = child.wait().await;
    drop(stdin);
    Ok(status?)
}
