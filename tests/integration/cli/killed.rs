//! `snapshot save` into a bucket, killed by SIGKILL at every step: afterwards there is a whole backup or none, nothing that
//! is no backup is listed as one, and the next save succeeds.

use std::{fs, time::Duration};

use anyhow::{Context, Result, ensure};
use harness::{
    etcd::{Etcd, Version},
    oracle,
    s3::{Fault, Operation, S3Server},
    wait,
};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Child,
    time::timeout,
};

use super::{SOON, done, entries, piped, program, reach, save, terminate};
use crate::halt::{Halt, Left, STEPS};
use crate::operator::data;

const STORE: &str = "s3://backups/etcd";

/// What the command line sees in the bucket: backups, and snapshots without a manifest.
async fn listed(server: &S3Server) -> Result<(usize, usize)> {
    let mut command = program()?;
    command.args(["list", STORE, "-o", "json"]);
    let said: Value = serde_json::from_str(&done(reach(&mut command, server)).await?)?;
    let count = |list: &str| said[list].as_array().map(Vec::len).context("a list");
    ensure!(count("broken")? == 0, "{said}");
    Ok((count("backups")?, count("orphans")?))
}

/// Saves, and kills that at a step.
async fn save_until(halt: &Halt, server: &S3Server, etcd: &Etcd) -> Result<()> {
    server.plan().clear();
    halt.set(server.plan());
    let mut command = save(etcd, STORE)?;
    let mut child = reach(&mut command, server)
        .args(["--plan", "manual/killed"])
        .spawn()?;
    halt.reached(server.plan(), SOON).await?;
    ensure!(child.try_wait()?.is_none(), "it ended by itself");
    child.kill().await?;
    server.plan().clear();
    Ok(())
}

#[tokio::test]
async fn a_save_that_is_killed_at_any_step_leaves_a_backup_or_none_and_the_next_one_succeeds() -> Result<()> {
    let etcd = data::etcd(Version::V3_6).await?;
    // More than one part, which has 8 MiB.
    data::bulk(&etcd, 9_000).await?;
    for (halt, left) in STEPS {
        let server = S3Server::start("backups").await?;
        save_until(&halt, &server, &etcd)
            .await
            .with_context(|| format!("kill it at {}", halt.name))?;
        let found = (listed(&server).await?, server.open_uploads().len());
        let expected = match left {
            Left::Nothing => ((0, 0), 0),
            Left::Upload => ((0, 0), 1),
            Left::Object => ((0, 1), 0),
            Left::Backup => ((1, 0), 0),
        };
        ensure!(found == expected, "killed at {} it left {found:?}", halt.name);
        let mut again = save(&etcd, STORE)?;
        done(reach(&mut again, &server).args(["--plan", "manual/killed"])).await?;
        let backups = 1 + expected.0.0;
        ensure!(
            listed(&server).await? == (backups, expected.0.1),
            "after {} and another save there are {:?}",
            halt.name,
            listed(&server).await?
        );
        // What the second save made is like every other; what the kill left is worth a closer look.
        if left == Left::Backup {
            proved(&server, backups).await?;
        }
    }
    Ok(())
}

/// Minutes are given to a store that does not answer.
#[tokio::test]
async fn whoever_interrupts_does_not_wait_for_a_store_that_does_not_answer() -> Result<()> {
    let etcd = data::etcd(Version::V3_6).await?;
    let server = S3Server::start("backups").await?;
    let mut first = save(&etcd, STORE)?;
    done(reach(&mut first, &server).args(["--plan", "manual/stalled"])).await?;

    let folder = harness::scratch::folder("stalled")?;
    server
        .plan()
        .on(Operation::Get)
        .key("snapshot.db")
        .fails(Fault::StallAnswer { after: 100 });
    let mut restore = program()?;
    restore
        .args(["restore", STORE, "--data-dir"])
        .arg(folder.path().join("d"));
    let child = piped(reach(&mut restore, &server))?;
    wait::until("the restore to read", SOON, async || {
        entries(folder.path(), "d.restoring-").is_ok_and(|found| found.len() == 1)
    })
    .await?;
    terminate(&child)?;
    ends(child).await?;
    assert_eq!(entries(folder.path(), "")?, [""; 0]);

    // And before the store has said anything at all.
    server.plan().clear();
    server.plan().on_any().fails(Fault::Stall);
    let place = folder.path().join("d");
    let place = place.to_string_lossy();
    for words in [vec!["list", STORE], vec!["restore", STORE, "--data-dir", &place]] {
        let held = server.plan().held().len();
        let mut command = program()?;
        let child = piped(reach(command.args(&words), &server))?;
        wait::until("the store to be asked", SOON, async || {
            server.plan().held().len() > held
        })
        .await?;
        terminate(&child)?;
        ends(child).await.with_context(|| words.join(" "))?;
    }

    server.plan().clear();
    server.plan().on_any().key("snapshot.db").fails(Fault::Stall);
    let mut save = save(&etcd, STORE)?;
    let mut child = piped(reach(&mut save, &server).args(["--plan", "manual/stalled"]))?;
    wait::until("the save to write", SOON, async || {
        server
            .plan()
            .held()
            .iter()
            .any(|seen| seen.key.contains("snapshot.db"))
    })
    .await?;
    terminate(&child)?;
    let said = child.stderr.as_mut().context("its errors")?;
    let line = timeout(SOON, BufReader::new(said).lines().next_line()).await??;
    ensure!(
        line.as_ref().is_some_and(|line| line.contains("interrupt again")),
        "{line:?}"
    );
    terminate(&child)?;
    ends(child).await
}

async fn ends(mut child: Child) -> Result<()> {
    let status = timeout(Duration::from_secs(15), child.wait())
        .await
        .context("it goes on")??;
    assert_eq!(status.code(), Some(130));
    Ok(())
}

/// Everything in the bucket stands for a snapshot that etcd's own tools restore.
async fn proved(server: &S3Server, backups: usize) -> Result<()> {
    let folder = harness::scratch::folder("objects")?;
    for (key, bytes) in server.objects() {
        let path = folder.path().join(key);
        fs::create_dir_all(path.parent().context("a key has a folder")?)?;
        fs::write(path, bytes)?;
    }
    let holdings = oracle::check_store(folder.path(), Version::V3_6).await?;
    ensure!(
        holdings.backups.len() == backups && holdings.foreign.is_empty(),
        "there are {holdings:?}"
    );
    Ok(())
}
