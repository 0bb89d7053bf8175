//! The operator's own process, killed by a real SIGKILL while the run of each of many plans stands at another step, and
//! started again: every run ends honestly, the judge agrees, and a day later nothing is left.

mod run;
mod soak;
mod sweep;

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use harness::{
    etcd::Version,
    oracle::{self, Restored, Strangers, Subject},
    scratch,
};

use super::{
    judge::same_as_living,
    world::{self, LEASE},
};
use crate::halt::Left;
use run::{Run, steps};

/// Waits for something about every run, and says whose it was when it fails.
async fn of_all<T>(runs: &[Run], what: impl AsyncFn(&Run) -> Result<T>) -> Result<Vec<T>> {
    let each = runs.iter().map(async |run| {
        what(run)
            .await
            .with_context(|| format!("killed at {}", run.at.name()))
    });
    try_join_all(each).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_that_is_killed_with_a_run_at_every_step_ends_all_of_them_honestly() -> Result<()> {
    let stage = world::breakable().await?;
    let flags = [&LEASE[..], &["--max-concurrent-runs=32", "--catalogue-resync=4s"]].concat();
    let mut killed = stage.operator(&flags).await?;
    let prepared = steps()
        .into_iter()
        .map(|(at, left)| Run::prepare(&stage, at, left));
    let mut runs = try_join_all(prepared).await?;
    for run in &mut runs {
        run.case.follow(&killed);
    }
    // Retention looks after a few plans at a time, and must not keep runs from beginning: it stands still last.
    let (pruning, running): (Vec<Run>, Vec<Run>) = runs.into_iter().partition(|run| run.at.is_pruning());
    of_all(&pruning, async |run| {
        run.case.take("before", "prod").await.map(drop)
    })
    .await?;
    of_all(&running, async |run| run.begin().await).await?;
    of_all(&pruning, async |run| run.begin().await).await?;
    stage.kill(&mut killed).await?;

    let mut runs = [running, pruning].into_iter().flatten().collect::<Vec<_>>();
    runs.iter().for_each(Run::release);
    of_all(&runs, async |run| run.check_left().await).await?;
    let mut operator = stage.operator(&flags).await?;
    for run in &mut runs {
        run.case.follow(&operator);
    }
    of_all(&runs, async |run| run.check_ended().await).await?;

    let swept = of_all(&runs, async |run| sweep::sweep(&run.case, &run.server).await).await?;
    for (run, swept) in runs.iter().zip(swept) {
        let expected = match run.left {
            Left::Nothing | Left::Backup => (0, 0),
            // Retention takes up where it was: the manifest it had removed names its snapshot no more.
            Left::Object => (1, 0),
            Left::Upload => (0, 1),
        };
        ensure!(swept == expected, "of {} it swept {swept:?}", run.at.name());
    }
    judge(runs).await?;
    ensure!(operator.stop().await?.success(), "it did not end well");
    Ok(())
}

/// Everything that all of them stored, at once.
async fn judge(runs: Vec<Run>) -> Result<()> {
    let folder = scratch::folder("objects")?;
    for run in &runs {
        ensure!(run.server.open_uploads().is_empty());
        run.server.save(folder.path())?;
        run.case.changed_only_its_own(&run.server)?;
    }
    let subject = Subject {
        version: Version::V3_6,
        auth: None,
        identity: None,
        strangers: Strangers::default(),
    };
    let all = Box::pin(oracle::check_store_restoring(
        Restored::Newest,
        folder.path(),
        &subject,
    ))
    .await?;
    all.ensure_number(runs.len())?;
    for Run { case, etcd, at, .. } in runs {
        let place = format!("backups/{}", case.namespace);
        let mut its = all
            .backups
            .iter()
            .filter(|backup| backup.folder.starts_with(&format!("{place}/")));
        let newest = its
            .next()
            .with_context(|| format!("nothing is stored of {}", at.name()))?;
        ensure!(its.next().is_none(), "{} has two", at.name());
        same_as_living(Some(newest), &etcd).await?;
        case.finish_with(&all, &folder.path().join(place)).await?;
    }
    Ok(())
}
