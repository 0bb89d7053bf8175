//! What a snapshot says of itself, read before anything else, and what follows for the restore.

use std::collections::BTreeMap;

use etcd_backup_bolt::walk::{Bolt, ReadAt};

use super::error::RestoreError;
use super::outcome::Warning;
use super::request::{EtcdVersion, Request};
use crate::error::VerifyError;
use crate::revision::Revision;
use crate::schema::{CLUSTER, KEY, META, Setting};
use crate::verify::{Compaction, downgrade_target};
use crate::version;

/// Most that buckets `meta` and `cluster` may take. etcd keeps a few hundred bytes in them.
const MOST: usize = 1 << 20;
/// Revisions are not raised beyond this one. etcd counts them in an `i64` and never goes back, so a slip of the finger must not use
/// up what the cluster has to live on: the other half is left to it.
const HIGHEST: i64 = i64::MAX / 2;
/// The newest etcd whose data was restored in tests.
const NEWEST: EtcdVersion = EtcdVersion { major: 3, minor: 8 };

/// Small things that decide how everything else is copied.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) compaction: Compaction,
    /// The last record's main revision.
    pub(super) last_record: i64,
    pub(super) storage_version: Option<String>,
    pub(super) cluster_version: Option<String>,
    /// Where a pending downgrade leads.
    pub(super) downgrade: Option<String>,
}

impl Settings {
    pub(super) fn read<R: ReadAt>(bolt: &Bolt<R>) -> Result<Self, RestoreError> {
        let bucket = |name: &[u8], text| {
            let missing = VerifyError::NoBucket { bucket: text };
            bolt.bucket(name)?.ok_or(RestoreError::Snapshot(missing))
        };
        let last_record = Revision::last_of(&bucket(KEY, "key")?)?;
        bucket(META, "meta")?;
        let meta = values(bolt, META)?;
        let cluster = values(bolt, CLUSTER)?;
        let get = |bucket: &BTreeMap<Vec<u8>, Vec<u8>>, setting: Setting| {
            bucket
                .get(setting.name().as_bytes())
                .map(|value| version::normal(value))
        };
        let downgrade = cluster.get(Setting::Downgrade.name().as_bytes());
        Ok(Self {
            compaction: Compaction::read(|setting| meta.get(setting.name().as_bytes()).map(Vec::as_slice))?,
            last_record,
            storage_version: get(&meta, Setting::StorageVersion).flatten(),
            cluster_version: get(&cluster, Setting::ClusterVersion).flatten(),
            downgrade: downgrade.and_then(|value| downgrade_target(value)),
        })
    }

    /// The revision that a member with this data starts at (`store.restore`).
    pub(super) fn revision(&self) -> i64 {
        self.last_record.max(self.compaction.effective()).max(1)
    }

    /// Decides what the new cluster's revisions are.
    pub(super) fn revisions(&self, request: &Request) -> Result<Revisions, RestoreError> {
        let last = self.revision();
        if let Some(revision) = request.revision {
            let first = self.compaction.effective().max(1);
            if !(first..=last).contains(&revision) {
                return Err(RestoreError::RevisionOutOfWindow {
                    revision,
                    first,
                    last,
                });
            }
        }
        let too_large = RestoreError::BumpTooLarge {
            revision: last,
            by: request.bump_revision,
        };
        let raised = match i64::try_from(request.bump_revision) {
            Ok(0) => None,
            Ok(by) => Some(
                last.checked_add(by)
                    .filter(|raised| *raised <= HIGHEST)
                    .ok_or(too_large)?,
            ),
            Err(_) => return Err(too_large),
        };
        Ok(Revisions {
            until: request.revision.filter(|revision| *revision < last),
            raised,
        })
    }

    /// What whoever starts the cluster should know of the snapshot.
    pub(super) fn warnings(&self, request: &Request) -> Vec<Warning> {
        let long_upgrade = self.check_version(request.target_version).ok().flatten();
        let mut warnings: Vec<Warning> = long_upgrade.into_iter().collect();
        if self.compaction.under_way() {
            warnings.push(Warning::CompactionUnderWay);
        }
        if request.bump_revision == 0 {
            warnings.push(Warning::RevisionsReused);
        }
        if request.skip_hash_check {
            warnings.push(Warning::HashNotChecked);
        }
        warnings
    }

    /// Refuses data that the etcd which is to run on it cannot read, and data newer than this program knows.
    pub(super) fn check_version(&self, target: Option<EtcdVersion>) -> Result<Option<Warning>, RestoreError> {
        let texts = [&self.storage_version, &self.cluster_version];
        let Some(data) = texts
            .into_iter()
            .flatten()
            .filter_map(|text| EtcdVersion::of(text))
            .max()
        else {
            return Ok(None);
        };
        match target {
            Some(target) if data > target => Err(RestoreError::NewerThanTarget {
                data: data.to_string(),
                target: target.to_string(),
            }),
            Some(target) if target.minor > data.minor.saturating_add(1) => Ok(Some(Warning::LongUpgrade {
                data: data.to_string(),
                target: target.to_string(),
            })),
            None if data > NEWEST => Err(RestoreError::UnknownVersion {
                data: data.to_string(),
                newest: NEWEST.to_string(),
            }),
            Some(_) | None => Ok(None),
        }
    }
}

/// Which records are kept, and where the new cluster starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Revisions {
    /// Records after this one are left out.
    pub(super) until: Option<i64>,
    /// Raise to this one. It lies beyond all that the old cluster can have given out, also when going back further.
    pub(super) raised: Option<i64>,
}

/// A small bucket in memory; empty where there is none.
fn values<R: ReadAt>(bolt: &Bolt<R>, name: &[u8]) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, RestoreError> {
    let mut values = BTreeMap::new();
    let Some(bucket) = bolt.bucket(name)? else {
        return Ok(values);
    };
    let mut size = 0_usize;
    let mut walk = bucket.walk();
    while let Some((key, value)) = walk.next()? {
        size = size.saturating_add(key.len()).saturating_add(value.len());
        if size > MOST {
            let limit = u64::try_from(MOST).unwrap_or(0);
            return Err(etcd_backup_bolt::BoltError::Memory { limit }.into());
        }
        values.insert(key.to_vec(), value.to_vec());
    }
    Ok(values)
}

impl EtcdVersion {
    /// Reads `3.6`, `3.6.14` or `v3.6.14`.
    pub fn of(text: &str) -> Option<Self> {
        let mut numbers = text.trim().trim_start_matches('v').split('.');
        let mut number = || numbers.next()?.parse().ok();
        Some(Self {
            major: number()?,
            minor: number()?,
        })
    }
}

impl std::fmt::Display for EtcdVersion {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::restore::cluster::InitialCluster;

    fn settings(last_record: i64, compacted: Option<i64>, version: &str) -> Settings {
        let value = compacted.map(|main| Revision { main, sub: 0 }.to_bytes());
        Settings {
            compaction: Compaction::read(|_| value.as_ref().map(<[u8; 17]>::as_slice)).unwrap(),
            last_record,
            storage_version: None,
            cluster_version: Some(version.into()),
            downgrade: None,
        }
    }

    fn revisions(
        settings: &Settings,
        revision: Option<i64>,
        bump_revision: u64,
    ) -> Result<Revisions, RestoreError> {
        let request = Request::new(InitialCluster::default(), Vec::new(), [0; 16]);
        settings.revisions(&Request {
            bump_revision,
            revision,
            ..request
        })
    }

    #[test]
    fn revisions_are_raised_from_the_last_that_was_given_out_even_when_going_back() {
        let settings = settings(100, Some(60), "3.5.0");
        let raised = |revision| revisions(&settings, revision, 1000).unwrap();
        assert_eq!(
            raised(None),
            Revisions {
                until: None,
                raised: Some(1100)
            }
        );
        assert_eq!(
            raised(Some(70)),
            Revisions {
                until: Some(70),
                raised: Some(1100)
            }
        );
        assert_eq!(raised(Some(100)).until, None);
        assert_eq!(revisions(&settings, None, 0).unwrap().raised, None);
    }

    #[test]
    fn the_window_goes_from_the_compaction_to_the_last_revision() {
        let settings = settings(100, Some(60), "3.5.0");
        for (revision, inside) in [(59, false), (60, true), (100, true), (101, false)] {
            let outcome = revisions(&settings, Some(revision), 0);
            assert_eq!(outcome.is_ok(), inside, "{revision}");
        }
        let error = revisions(&settings, Some(7), 0).unwrap_err();
        assert!(error.to_string().contains("from 60 to 100"), "{error}");
    }

    #[test]
    fn a_compaction_beyond_the_last_record_counts() {
        let settings = settings(50, Some(60), "3.5.0");
        assert_eq!(revisions(&settings, None, 1).unwrap().raised, Some(61));
    }

    #[test]
    fn a_bump_that_does_not_fit_is_refused() {
        let settings = settings(100, None, "3.5.0");
        let half = i64::MAX.unsigned_abs() / 2;
        for by in [
            u64::MAX,
            i64::MAX.unsigned_abs(),
            i64::MAX.unsigned_abs() - 101,
            half - 99,
        ] {
            assert_eq!(
                revisions(&settings, None, by).unwrap_err().reason(),
                "BumpTooLarge",
                "{by}"
            );
        }
        assert_eq!(
            revisions(&settings, None, half - 100).unwrap().raised,
            Some(HIGHEST)
        );
    }

    #[test]
    fn data_newer_than_the_target_or_than_anything_known_is_refused() {
        let check = |data, target: Option<&str>| {
            settings(1, None, data).check_version(target.map(|text| EtcdVersion::of(text).unwrap()))
        };
        assert_eq!(check("3.6.0", Some("3.6.14")).unwrap(), None);
        assert_eq!(check("3.5.0", Some("v3.6")).unwrap(), None);
        assert!(matches!(
            check("3.4.0", Some("3.6")),
            Ok(Some(Warning::LongUpgrade { .. }))
        ));
        assert_eq!(
            check("3.7.0", Some("3.6.14")).unwrap_err().reason(),
            "NewerThanTarget"
        );
        assert_eq!(check("3.9.0", None).unwrap_err().reason(), "UnknownVersion");
        assert_eq!(check("3.9.0", Some("3.9")).unwrap(), None);
    }
}
