//! Which backup is the newest, where a clock may have been wrong.
//!
//! One backup that a wrong clock stamped with a time to come would be the newest until that time: it would count as fresh for years, and
//! be restored in place of what was taken since. So what lies in the future is the newest only where there is nothing else.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use crate::layout::RunId;

/// How far apart the clocks of whoever writes and whoever reads may be: what Kerberos allows as well, and more than NTP leaves.
pub const SKEW: TimeDelta = TimeDelta::minutes(5);

/// Whether a backup that was taken then lies in the future.
pub fn is_ahead(taken: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    taken - now > SKEW
}

/// The newest has the greatest rank; of two that were taken at the same time, let the run id decide. The time is what counts, never the
/// revision, which goes back when etcd is restored.
pub fn rank(taken: DateTime<Utc>, now: DateTime<Utc>) -> (bool, DateTime<Utc>) {
    (!is_ahead(taken, now), taken)
}

/// What to say of the newest backup, `chosen`, of those that `all` names with their times. `None` when no time lies in the future.
pub fn caution(
    all: impl IntoIterator<Item = (RunId, DateTime<Utc>)>,
    chosen: RunId,
    now: DateTime<Utc>,
) -> Option<String> {
    let (run, taken) = all
        .into_iter()
        .filter(|(_, taken)| is_ahead(*taken, now))
        .max_by_key(|(run, taken)| (*run == chosen, *taken, *run))?;
    let taken = taken.to_rfc3339_opts(SecondsFormat::Secs, true);
    let what = if run == chosen {
        "and there is no other, so that nobody can tell how old it is"
    } else {
        "and passed over"
    };
    Some(format!(
        "the backup {run} is stamped {taken}, which is in the future, {what}. Set the clock right that is wrong: this one, or the one \
         that stamped that backup, which then must be deleted from the store"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn run(taken: &str) -> (RunId, DateTime<Utc>) {
        (RunId::new(at(taken), [0; 5]).unwrap(), at(taken))
    }

    #[test]
    fn what_lies_in_the_future_is_the_newest_only_when_there_is_nothing_else() {
        let now = at("2026-11-23T06:00:00Z");
        let (old, new, skewed) = (
            at("2026-11-22T06:00:00Z"),
            at("2026-11-23T05:00:00Z"),
            at("2026-11-23T06:05:00Z"),
        );
        let (ahead, far) = (at("2026-11-23T06:05:01Z"), at("2036-11-23T06:00:00Z"));
        for (case, times, newest) in [
            ("the newest of the past", vec![new, old], new),
            ("within what clocks may differ", vec![old, skewed, new], skewed),
            ("never one of the future", vec![far, new, ahead, old], new),
            ("unless there is no other", vec![ahead, far], far),
        ] {
            assert_eq!(
                times.into_iter().max_by_key(|taken| rank(*taken, now)),
                Some(newest),
                "{case}"
            );
        }
    }

    #[test]
    fn it_is_said_which_lies_in_the_future_and_what_to_do() {
        let now = at("2026-11-23T06:00:00Z");
        let (sound, wrong) = (run("2026-11-23T05:00:00Z"), run("2036-11-23T06:00:00Z"));
        assert_eq!(caution([sound], sound.0, now), None);
        let passed = caution([sound, wrong], sound.0, now).unwrap();
        let alone = caution([wrong], wrong.0, now).unwrap();
        for (text, part) in [(&passed, "passed over"), (&alone, "there is no other")] {
            for part in [
                part,
                &wrong.0.to_string(),
                "2036-11-23T06:00:00Z",
                "deleted from the store",
            ] {
                assert!(text.contains(part), "{text}");
            }
        }
    }
}
