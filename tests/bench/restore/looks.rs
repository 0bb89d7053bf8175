//! Looking into a snapshot file: proving it, and what `inspect` and `diff` tell. For each the time and the memory.

use std::process::Command;

use anyhow::Result;
use harness::binaries;

use crate::{
    report::{Report, median, say},
    resident,
    stage::Stage,
    watched::watched,
};

/// What is run, each with the snapshot's path behind it.
const LOOKS: [&[&str]; 5] = [
    &["snapshot", "status"],
    &["inspect", "summary"],
    &["inspect", "usage"],
    &["inspect", "keys"],
    &["diff"],
];

/// Adds the figures.
pub(super) async fn measure(stage: &Stage, report: &mut Report) -> Result<()> {
    say("\nrestore: verification and inspection of the file");
    for words in LOOKS {
        let (mut seconds, mut anonymous) = (Vec::new(), 0.0_f64);
        for _ in 0..stage.rounds {
            let mut command = Command::new(binaries::etcd_backup()?);
            command.env_clear().args(words).arg(stage.snapshot());
            if words == ["diff"] {
                command.arg(stage.snapshot());
            }
            let seen = watched(command, stage.folder(), resident::anonymous).await?;
            seconds.push(seen.seconds);
            anonymous = anonymous.max(seen.peak);
        }
        let name = format!("etcd-backup {}", words.join(" "));
        report.tell(&name, median(seconds), "s");
        report.tell(&format!("{name}: anonymous memory"), anonymous, "MiB");
    }
    Ok(())
}
