//! Where a snapshot is read from.

use std::{path::PathBuf, str::FromStr};

use etcd_backup_backup::layout::{ClusterId, Form, Location, PlanKey};

use super::{Address, plain};
use crate::exit::{Exit, Failure};

/// Where a snapshot is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// Standard input.
    Stdin,
    /// A plain snapshot.
    File(PathBuf),
    /// A backup in a store: the one that the address names, or one to be chosen.
    Backup {
        /// The store.
        store: Address,
        /// Which backup, if the address went on to name one.
        location: Option<Location>,
    },
}

impl Source {
    /// Says that it is no backup in a store, where nothing else will do.
    pub(crate) fn is_no_backup(&self, reason: &str, hint: &str) -> Failure {
        match self {
            Self::File(path) if path.is_dir() => plain::directory(path),
            _ => Failure::new(Exit::Usage, reason).hint(hint),
        }
    }
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "-" {
            return Ok(Self::Stdin);
        }
        let (store, path) = match text.parse()? {
            Address::File(path) => return Ok(Self::File(path)),
            Address::Directory(path) => (None, path.to_string_lossy().into_owned()),
            Address::S3 { bucket, prefix } => (Some(bucket), prefix),
        };
        let (path, location) = split(&path)?;
        let store = match store {
            None => Address::Directory(path.into()),
            Some(bucket) => Address::S3 {
                bucket,
                prefix: path.to_owned(),
            },
        };
        Ok(Self::Backup { store, location })
    }
}

/// The store's part of a path, and the backup's: `prefix/namespace/plan/cluster/run`, with or without the name of a file
/// in that folder, as `list` and `snapshot save` print it.
fn split(path: &str) -> Result<(&str, Option<Location>), String> {
    let path = path.trim_end_matches('/');
    let (folder, is_file) = match path.rsplit_once('/') {
        Some((folder, file)) if file == "manifest.json" || Form::from_file_name(file).is_some() => {
            (folder, true)
        }
        _ => (path, false),
    };
    match location(folder) {
        Some((store, location)) => Ok((store, Some(location))),
        None if is_file => Err(format!(
            "{path} does not end as a backup's does, in NAMESPACE/PLAN/CLUSTER-ID/RUN: download it, and name the file"
        )),
        None => Ok((path, None)),
    }
}

fn location(folder: &str) -> Option<(&str, Location)> {
    let mut rest = folder;
    let mut last = || {
        let (before, name) = rest.rsplit_once('/').unwrap_or(("", rest));
        rest = before;
        name
    };
    let run = last().parse().ok()?;
    let cluster: ClusterId = last().parse().ok()?;
    let (name, namespace) = (last(), last());
    let plan = PlanKey::new(namespace, name).ok()?;
    Some((rest, Location { plan, cluster, run }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "prod/main/cdf818194e3a8c32/20261123T060000Z-abcdefgh";

    fn backup(text: &str) -> (Address, Option<String>) {
        match text.parse() {
            Ok(Source::Backup { store, location }) => (store, location.map(|location| location.to_string())),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn an_address_may_go_on_to_name_one_backup() {
        let s3 = |prefix: &str| Address::S3 {
            bucket: "b".into(),
            prefix: prefix.into(),
        };
        let run = Some(RUN.to_owned());
        assert_eq!(backup("s3://b/a/b"), (s3("a/b"), None));
        assert_eq!(backup("s3://b"), (s3(""), None));
        for end in ["", "/", "/manifest.json", "/snapshot.db", "/snapshot.db.zst.age"] {
            assert_eq!(
                backup(&format!("s3://b/a/b/{RUN}{end}")),
                (s3("a/b"), run.clone()),
                "{end}"
            );
        }
        assert_eq!(backup(&format!("s3://b/{RUN}")), (s3(""), run.clone()));
        assert_eq!(
            backup(&format!("file:///mnt/x/{RUN}/manifest.json")),
            (Address::Directory("/mnt/x".into()), run)
        );
    }

    #[test]
    fn what_only_looks_like_a_backup_is_no_backup() {
        assert_eq!("-".parse(), Ok(Source::Stdin));
        assert_eq!("backup.db".parse(), Ok(Source::File("backup.db".into())));
        for (path, said) in [("backup.db", "no backup"), (".", "name it as a store: file:///")] {
            let refused = format!("{:?}", Source::File(path.into()).is_no_backup("no backup", ""));
            assert!(refused.contains(said), "{refused}");
        }
        for wrong in [
            "",
            "gs://b/x",
            "s3://b/manifest.json/manifest.json",
            "s3://b/a/snapshot.db",
        ] {
            assert!(wrong.parse::<Source>().is_err(), "{wrong}");
        }
    }
}
