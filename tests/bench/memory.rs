//! The most memory that the program takes for a backup.

use std::process::Command;

use anyhow::Result;
use harness::{binaries, versitygw::Versitygw};

use crate::{
    report::{Goal, Report, say},
    resident,
    stage::Stage,
    stores::{self, BUCKET},
    watched::watched,
};

/// Adds the figures.
pub(crate) async fn measure(stage: &Stage, report: &mut Report) -> Result<()> {
    say("\nmemory: etcd-backup snapshot save s3://… into versitygw, read back");
    for compression in ["none", "zstd"] {
        let server = stores::versitygw().await?;
        let mebibytes = peak(stage, &server, compression).await?;
        report.judge(
            &format!("peak memory of a backup, compression {compression}"),
            mebibytes,
            "MiB",
            Goal::AtMost(96.0),
        );
    }
    Ok(())
}

/// The peak of the resident set, in MiB. It only rises, so just a last rise between two looks can be missed.
async fn peak(stage: &Stage, server: &Versitygw, compression: &str) -> Result<f64> {
    let mut command = Command::new(binaries::etcd_backup()?);
    // Nothing of the person's own environment: no cloud credentials, no proxies.
    command
        .env_clear()
        .env("TMPDIR", stage.folder())
        .env("AWS_ACCESS_KEY_ID", &server.access_key)
        .env("AWS_SECRET_ACCESS_KEY", &server.secret_key);
    command
        .args([
            "snapshot",
            "save",
            &format!("s3://{BUCKET}"),
            "--allow-http",
            "--plan=bench/memory",
        ])
        .arg(format!("--endpoint-url={}", server.endpoint))
        .arg(format!("--region={}", Versitygw::REGION))
        .arg(format!("--compression={compression}"))
        .arg(format!("--endpoints={}", stage.etcd.member(0).endpoint()));
    let seen = watched(command, stage.folder(), resident::peak).await?;
    Ok(seen.peak)
}
