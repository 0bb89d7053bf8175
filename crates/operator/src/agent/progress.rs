//! How far an agent is: a line of its output, now and then.
//!
//! ```text
//! progress stage=receiving bytes=33554432 total=104857600
//! ```
//!
//! It is for whoever reads the pod's log, the operator among them: the pod has no token with which it could write a status.
//! Anybody who may run pods in the namespace can print such a line. So the operator takes from it a word that is ours and
//! numbers within bounds, and nothing else.

use std::fmt;
use std::time::Duration;

use etcd_backup_api::{RestoreProgress, RestoreStage};
use etcd_backup_backup::write;
use etcd_backup_snapshot::restore;

/// The shortest time between two lines: a log should show that it lives, and little more.
pub const EVERY: Duration = Duration::from_secs(2);

/// What every line begins with.
const BEGINNING: &str = "progress ";

/// No more is believed: a thousand times what etcd is recommended for (8 GiB), and what every JSON number holds exactly.
const MOST: u64 = 1 << 43;

/// What an agent is doing, in the order in which it does that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Reading from etcd and storing.
    Streaming,
    /// Everything was read from etcd: proving what the store holds.
    Verifying,
    /// Fetching a snapshot.
    Receiving,
    /// Building a member's database from it.
    Building,
    /// Bringing that to the disk, and reading it back.
    Checking,
    /// Giving it its name.
    Placing,
}

impl Stage {
    const ALL: [Self; 6] = [
        Self::Streaming,
        Self::Verifying,
        Self::Receiving,
        Self::Building,
        Self::Checking,
        Self::Placing,
    ];

    /// The word in a line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Streaming => "streaming",
            Self::Verifying => "verifying",
            Self::Receiving => "receiving",
            Self::Building => "building",
            Self::Checking => "checking",
            Self::Placing => "placing",
        }
    }

    fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == word)
    }

    const fn of_restore(self) -> Option<RestoreStage> {
        match self {
            Self::Streaming | Self::Verifying => None,
            Self::Receiving => Some(RestoreStage::Receiving),
            Self::Building => Some(RestoreStage::Building),
            Self::Checking => Some(RestoreStage::Checking),
            Self::Placing => Some(RestoreStage::Placing),
        }
    }
}

/// How far an agent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// What it is doing.
    pub stage: Stage,
    /// Bytes done: of a snapshot those that etcd has sent, of a restore those of the stage.
    pub bytes: u64,
    /// Of how many; `None` when nobody knows.
    pub total: Option<u64>,
}

impl Said {
    /// How far the run of a snapshot is. `None` before it reads.
    pub fn of_run(now: write::ProgressNow) -> Option<Self> {
        let stage = match now.stage {
            write::Stage::Starting => return None,
            write::Stage::Streaming | write::Stage::Completing => Stage::Streaming,
            write::Stage::Verifying | write::Stage::Recording | write::Stage::Done => Stage::Verifying,
        };
        Some(Self {
            stage,
            bytes: now.read,
            total: now.total,
        })
    }

    /// How far the restore of one member is. `None` for what is done for others only.
    pub fn of_restore(told: restore::Progress) -> Option<Self> {
        let stage = match told.stage {
            restore::Stage::Receiving => Stage::Receiving,
            restore::Stage::Building => Stage::Building,
            restore::Stage::Copying => return None,
            restore::Stage::Checking => Stage::Checking,
            restore::Stage::Placing => Stage::Placing,
        };
        Some(Self {
            stage,
            bytes: told.bytes,
            total: told.total,
        })
    }

    /// What a line says, `None` when it is another line.
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix(BEGINNING)?.split(' ');
        let said = Self {
            stage: Stage::of(words.next()?.strip_prefix("stage=")?)?,
            bytes: number(words.next()?.strip_prefix("bytes=")?)?,
            total: match words.next() {
                Some(word) => Some(number(word.strip_prefix("total=")?)?),
                None => None,
            },
        };
        words.next().is_none().then_some(said)
    }

    /// What the last line says that says something and is complete: the end of an output may be cut off anywhere.
    pub fn newest(output: &str) -> Option<Self> {
        let lines = output.split_inclusive('\n').rev();
        lines
            .filter_map(|line| line.strip_suffix('\n'))
            .find_map(Self::parse)
    }

    /// What is to be believed after `before`: no step back, and always the same whole of a stage. But a snapshot begins anew when
    /// it is taken from another member, whose database has another size; that is told in order by the one who takes it.
    #[must_use]
    pub fn after(self, before: Self) -> Self {
        if self.stage == Stage::Streaming {
            return self;
        }
        if self.stage != before.stage {
            return if self.stage > before.stage { self } else { before };
        }
        Self {
            stage: self.stage,
            bytes: self.bytes.max(before.bytes),
            total: before.total.or(self.total),
        }
    }

    /// As the status of a restore or a drill has it; its bytes are for the reader of the status to round.
    pub fn restoring(self) -> Option<RestoreProgress> {
        Some(RestoreProgress {
            stage: self.stage.of_restore()?,
            bytes: self.bytes,
            total: self.total,
        })
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{BEGINNING}stage={} bytes={}", self.stage.as_str(), self.bytes)?;
        match self.total {
            Some(total) => write!(f, " total={total}"),
            None => Ok(()),
        }
    }
}

/// Digits, and no more of them than are believed.
fn number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits)?;
    (number <= MOST).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(stage: Stage, bytes: u64, total: Option<u64>) -> Said {
        Said { stage, bytes, total }
    }

    #[test]
    fn a_line_is_read_as_it_was_written() {
        for stage in Stage::ALL {
            for total in [None, Some(0), Some(MOST)] {
                let said = said(stage, 7, total);
                assert_eq!(Said::parse(&said.to_string()), Some(said));
            }
        }
        // Programs of other versions read it.
        assert_eq!(
            said(Stage::Receiving, 1, Some(2)).to_string(),
            "progress stage=receiving bytes=1 total=2"
        );
        assert_eq!(
            said(Stage::Streaming, 1, None).to_string(),
            "progress stage=streaming bytes=1"
        );
    }

    #[test]
    fn nothing_is_taken_from_a_line_that_is_not_quite_one() {
        for line in [
            "",
            "progress",
            "progress ",
            "progress stage=receiving",
            "progress stage=receiving bytes=",
            "progress stage=receiving bytes=+1",
            "progress stage=receiving bytes=-1",
            "progress stage=receiving bytes=1e3",
            "progress stage=receiving bytes=1 ",
            "progress stage=receiving  bytes=1",
            "progress stage=receiving bytes=1 total=",
            "progress stage=receiving bytes=1 total=2 more=3",
            "progress stage=receiving bytes=1 total=x",
            "progress stage=receiving bytes=8796093022209",
            "progress stage=receiving bytes=99999999999999999999999999",
            "progress stage=receiving bytes=1\r",
            "progress stage=<script> bytes=1",
            "progress bytes=1 stage=receiving",
            " progress stage=receiving bytes=1",
            "2026-11-23 progress stage=receiving bytes=1",
            "progress stage=receiving bytes=\u{661}",
        ] {
            assert_eq!(Said::parse(line), None, "{line:?}");
        }
    }

    #[test]
    fn of_an_output_the_newest_complete_line_counts() {
        let output = "starting\nprogress stage=receiving bytes=1\nWARN slow\nprogress stage=building bytes=2 total=9\n\
                      and then\nprogress stage=building bytes=34";
        assert_eq!(
            Said::newest(output),
            Some(said(Stage::Building, 2, Some(9))),
            "the last line may be cut off in the middle of a number"
        );
        assert_eq!(Said::newest("\u{0}\u{fffd}\n\n"), None);
    }

    #[test]
    fn what_is_believed_never_goes_back() {
        let before = said(Stage::Building, 5, Some(9));
        for (now, believed) in [
            (said(Stage::Building, 6, None), said(Stage::Building, 6, Some(9))),
            (said(Stage::Building, 4, Some(8)), before),
            (said(Stage::Receiving, 900, Some(1000)), before),
            (said(Stage::Checking, 0, None), said(Stage::Checking, 0, None)),
        ] {
            assert_eq!(now.after(before), believed, "{now}");
        }
    }

    #[test]
    fn a_snapshot_that_is_taken_from_another_member_begins_anew() {
        let anew = said(Stage::Streaming, 1, Some(8));
        for before in [
            said(Stage::Streaming, 5, Some(9)),
            said(Stage::Verifying, 9, Some(9)),
        ] {
            assert_eq!(anew.after(before), anew, "{before}");
        }
    }

    #[test]
    fn a_run_counts_what_etcd_has_sent_and_says_nothing_before_it_reads() {
        let now = write::ProgressNow {
            read: 5,
            stored: 3,
            total: Some(9),
            ..write::ProgressNow::default()
        };
        assert_eq!(Said::of_run(now), None);
        let of = |stage| Said::of_run(write::ProgressNow { stage, ..now });
        assert_eq!(
            of(write::Stage::Completing),
            Some(said(Stage::Streaming, 5, Some(9)))
        );
        assert_eq!(of(write::Stage::Done), Some(said(Stage::Verifying, 5, Some(9))));
    }
}
