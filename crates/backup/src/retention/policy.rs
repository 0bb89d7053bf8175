use std::time::Duration;

use thiserror::Error;

/// What to keep. `None` means that a rule does not exist; see the [module](super) for how rules combine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// So many of the newest backups.
    pub keep_last: Option<u32>,
    /// The newest backup of each of so many hours.
    pub keep_hourly: Option<u32>,
    /// The newest backup of each of so many days.
    pub keep_daily: Option<u32>,
    /// The newest backup of each of so many ISO weeks, which begin on Mondays.
    pub keep_weekly: Option<u32>,
    /// The newest backup of each of so many months.
    pub keep_monthly: Option<u32>,
    /// The newest backup of each of so many years.
    pub keep_yearly: Option<u32>,
    /// Nothing older than this.
    pub max_age: Option<Duration>,
}

/// A policy that says something no one can mean. Refused as a whole: with a broken policy nothing is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PolicyError {
    /// "Keep 0" reads as "keep nothing" to one and as "no such rule" to another.
    #[error("{0} is 0: leave it out instead")]
    Zero(&'static str),
    /// An age of zero would remove everything.
    #[error("maxAge is 0: leave it out instead")]
    NoAge,
}

impl Policy {
    /// The counting rules by the names users know them under.
    pub(super) fn counts(&self) -> [(&'static str, Option<u32>); 6] {
        [
            ("keepLast", self.keep_last),
            ("keepHourly", self.keep_hourly),
            ("keepDaily", self.keep_daily),
            ("keepWeekly", self.keep_weekly),
            ("keepMonthly", self.keep_monthly),
            ("keepYearly", self.keep_yearly),
        ]
    }

    /// Is there any rule that counts? Without one, age alone decides.
    pub(super) fn has_counts(&self) -> bool {
        self.counts().iter().any(|(_, count)| count.is_some())
    }

    /// Refuses zeros.
    pub fn validate(&self) -> Result<(), PolicyError> {
        if let Some((name, _)) = self.counts().into_iter().find(|(_, count)| *count == Some(0)) {
            return Err(PolicyError::Zero(name));
        }
        if self.max_age == Some(Duration::ZERO) {
            Err(PolicyError::NoAge)
        } else {
            Ok(())
        }
    }
}
