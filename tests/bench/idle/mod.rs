//! What the operator costs while nothing is due: ten thousand plans, a tenth of them with backups, a real API server, the rights
//! that config/ gives.

mod history;
mod plans;
mod writes;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{
    apiserver::ApiServer,
    etcd::{Etcd, Version},
    operator::Operator,
    s3::S3Server,
};
use kube::Client;
use tokio::time::{Instant, sleep};

use crate::{
    cost,
    report::{Goal, Report, say},
    resident,
    stores::BUCKET,
};
use writes::Writes;

/// How long it is watched.
const WATCHED: Duration = Duration::from_mins(5);
/// Nothing but the Lease was written for so long: what belongs to the plans' beginning has ended.
const QUIET: Duration = Duration::from_secs(15);
/// The longest that all plans may take to have their first status.
const SETTLING: Duration = Duration::from_mins(15);

/// Adds the figures.
pub(crate) async fn measure(report: &mut Report) -> Result<()> {
    say("\nidle: ten thousand plans with nothing due, for five minutes");
    let etcd = Etcd::start(Version::V3_6).await?;
    let server = ApiServer::start(&etcd).await?;
    let identity = server.install()?;
    // In this process, whose memory is not what is measured.
    let store = S3Server::start(BUCKET).await?;
    let admin = server.admin().await?;
    plans::write(&admin, &etcd, &store).await?;
    let mut operator = Operator::start(&identity, &[]).await?;
    let settled = Instant::now();
    plans::until_settled(&admin, SETTLING).await?;
    let before = quiet(&admin).await?;
    report.tell(
        "10,000 new plans and 3,000 backups taken in, the last write included",
        settled.elapsed().saturating_sub(QUIET).as_secs_f64(),
        "s",
    );
    let process = operator.process().id();
    let on_cores = cost::on_cores(&process.to_string())?;
    sleep(WATCHED).await;
    operator.process().check()?;
    let written = Writes::count(&admin).await?.since(&before);
    tell(report, process, &written)?;
    report.judge(
        "10,000 plans, nothing due: on a core in five minutes",
        cost::on_cores(&process.to_string())? - on_cores,
        "s",
        Goal::Below(15.0),
    );
    if written.others() > 0.0 {
        say(&format!("  what was written: {written:?}"));
    }
    // Else the count, or the operator, does not work.
    ensure!(written.leases() > 0.0, "not even a Lease was written");
    Ok(())
}

fn tell(report: &mut Report, process: u32, written: &Writes) -> Result<()> {
    report.judge(
        "10,000 plans, nothing due: resident memory",
        resident::now(process).context("the operator's memory is not told")?,
        "MiB",
        Goal::Below(200.0),
    );
    report.tell(
        "10,000 plans: peak of resident memory since its start",
        resident::peak(process).context("the operator's memory is not told")?,
        "MiB",
    );
    report.judge(
        "10,000 plans, nothing due: writes in five minutes, Leases aside",
        written.others(),
        "",
        Goal::AtMost(0.0),
    );
    report.tell(
        "writes of Leases in five minutes, the API server's own among them",
        written.leases(),
        "",
    );
    Ok(())
}

/// Waits until nothing but Leases has been written for a while.
async fn quiet(admin: &Client) -> Result<Writes> {
    let end = Instant::now() + SETTLING;
    let (mut last, mut since) = (Writes::count(admin).await?, Instant::now());
    while since.elapsed() < QUIET {
        ensure!(Instant::now() < end, "writing does not end: {last:?}");
        sleep(Duration::from_secs(1)).await;
        let now = Writes::count(admin).await?;
        if now.since(&last).others() > 0.0 {
            since = Instant::now();
        }
        last = now;
    }
    Ok(last)
}
