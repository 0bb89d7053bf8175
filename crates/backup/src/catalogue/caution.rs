//! What must be said when the newest backup is taken, which nobody named.

use chrono::{DateTime, Utc};

use super::{Broken, Catalogue, Entry};
use crate::{layout::RunId, newest};

impl Catalogue {
    /// What to say when the newest backup is taken: of those that lie in the future, of newer ones that cannot be used, and of another
    /// cluster's.
    pub fn caution(&self, now: DateTime<Utc>) -> Option<String> {
        let newest = self.newest(now)?;
        let chosen = newest.location.run;
        let all = self
            .backups
            .iter()
            .map(|entry| (entry.location.run, entry.manifest.times.started));
        let cautions = [
            newest::caution(all, chosen, now),
            self.unusable_since(chosen),
            self.mixed_with(newest),
        ];
        let told: Vec<String> = cautions.into_iter().flatten().collect();
        (!told.is_empty()).then(|| told.join(". "))
    }

    /// Two clusters that are saved from one machine by hand share a name, and the newest backup may be the other's. Generations of one
    /// cluster follow each other: after a restore nothing more comes of the one before.
    fn mixed_with(&self, chosen: &Entry) -> Option<String> {
        let (own, others): (Vec<&Entry>, Vec<&Entry>) = self
            .backups
            .iter()
            .partition(|entry| entry.location.cluster == chosen.location.cluster);
        let started = |entry: &&Entry| entry.manifest.times.started;
        let first = own.iter().map(started).min()?;
        let other = others
            .into_iter()
            .filter(|entry| started(entry) > first)
            .max_by_key(started)?;
        Some(format!(
            "two etcd clusters are backed up under this name: {}, of which the backup {} is taken, and {}, of which the newest is {}. \
             See that it is the right one, or name the backup",
            chosen.location.cluster, chosen.location.run, other.location.cluster, other.location.run
        ))
    }

    /// Whoever takes an older backup should know that there were newer ones: another version of this program may read them.
    fn unusable_since(&self, chosen: RunId) -> Option<String> {
        let newer = self
            .broken
            .iter()
            .filter(|broken| broken.location.run.started() > chosen.started());
        let count = newer.clone().count();
        let Broken { location, reason } = newer.max_by_key(|broken| broken.location.run)?;
        let others = match count - 1 {
            0 => String::new(),
            others => format!(" (and {others} more)"),
        };
        Some(format!(
            "the backup {chosen} is taken, but {} is newer{others} and cannot be used: {reason}",
            location.run
        ))
    }
}
