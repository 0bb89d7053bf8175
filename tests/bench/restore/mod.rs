//! From a snapshot to a data directory, against etcd's own tool and a mere copy of the file.

mod looks;
mod sides;
mod sources;

use anyhow::Result;

use crate::{
    report::{Goal, Report, median, say},
    stage::Stage,
};
use sides::Side;

/// Adds the figures.
pub(crate) async fn measure(stage: &Stage, report: &mut Report) -> Result<()> {
    say("\nrestore: one member, revisions raised, everything on the disk");
    let mut seconds: [Vec<f64>; Side::ALL.len()] = Default::default();
    let mut anonymous: f64 = 0.0;
    for round in 0..stage.rounds {
        for turn in 0..Side::ALL.len() {
            let index = (turn + round) % Side::ALL.len();
            let side = Side::ALL[index];
            let seen = side.run(stage).await?;
            say(&format!(
                "  round {} of {}: {:<28} {:5.2} s",
                round + 1,
                stage.rounds,
                side.name(),
                seen.seconds,
            ));
            seconds[index].push(seen.seconds);
            if side == Side::Ours {
                anonymous = anonymous.max(seen.peak);
            }
        }
    }
    tell(&seconds, anonymous, report);
    sources::measure(stage, report).await?;
    looks::measure(stage, report).await
}

fn tell(seconds: &[Vec<f64>; Side::ALL.len()], anonymous: f64, report: &mut Report) {
    let middle = |side: Side| median(seconds[side as usize].clone());
    report.judge(
        "etcdutl snapshot restore / etcd-backup restore",
        middle(Side::Etcdutl) / middle(Side::Ours),
        "x",
        Goal::AtLeast(2.0),
    );
    report.judge(
        "etcd-backup restore / copy of the file, fsync included",
        middle(Side::Ours) / middle(Side::Copy),
        "x",
        Goal::AtMost(1.5),
    );
    report.judge(
        "anonymous memory of a restore",
        anonymous,
        "MiB",
        Goal::AtMost(128.0),
    );
    for side in Side::ALL {
        report.tell(side.name(), middle(side), "s");
    }
}
