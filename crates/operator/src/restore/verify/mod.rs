//! Asking the restored cluster whether it works, and whether its members agree.

mod members;

use std::fmt;

use etcd_backup_api::{EtcdRestore, EtcdSpec};
use etcd_backup_etcd::{Cluster, Config, EtcdError};
use kube::ResourceExt;

use self::members::check;
use crate::connect::{Connector, Failure};

/// What etcd says of a revision that is compacted (etcd, api/v3rpc/rpctypes, `ErrGRPCCompacted`).
const COMPACTED: &str = "required revision has been compacted";

/// What is to be asked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Question {
    /// The namespace of the Secrets.
    pub(super) namespace: String,
    /// Where the members are.
    pub(super) etcd: EtcdSpec,
    /// How many there must be.
    pub(super) members: usize,
    /// The revision that the new cluster started at.
    pub(super) revision: Option<i64>,
    /// What each member must answer when asked for the HashKV of that revision.
    pub(super) hash_kv: Option<u32>,
}

impl Question {
    /// What a restore wants to know. `None` when it is not known whom to ask.
    pub(super) fn of(restore: &EtcdRestore) -> Option<Self> {
        let status = restore.status.as_ref()?;
        Some(Self {
            namespace: restore.namespace().unwrap_or_default(),
            etcd: status.verify.clone()?,
            members: restore.spec.members.len(),
            revision: status.revision,
            hash_kv: status.members.iter().find_map(|member| member.hash_kv),
        })
    }
}

/// What the members agree on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// How many were asked.
    pub members: usize,
    /// The revision that their data was compared at.
    pub revision: i64,
    /// Their HashKV there.
    pub hash_kv: u32,
    /// It is what the restore had computed.
    pub as_restored: bool,
    /// Version of one of them.
    pub version: String,
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            members,
            revision,
            hash_kv,
            ..
        } = self;
        let which = if self.as_restored {
            "what was restored"
        } else {
            "the same for all"
        };
        write!(
            f,
            "the restored cluster works: {members} members answer a linearizable read, and their HashKV at revision {revision} \
             is {hash_kv}, {which}"
        )
    }
}

/// Asks every member for its state, a linearizable read, and its HashKV at one revision.
///
/// # Errors
/// Transient while members are missing: they may be starting. Lasting when their data is not what it must be.
pub(super) async fn verify(connector: &Connector, question: &Question) -> Result<Agreement, Failure> {
    let config = connector.etcd_of(&question.namespace, &question.etcd).await?;
    ask(config, question.members, question.revision, question.hash_kv).await
}

/// As [`verify`], where it is known how: so many members, which started at a revision and have a HashKV there, as far as these
/// are known.
pub(crate) async fn ask(
    config: Config,
    members: usize,
    revision: Option<i64>,
    hash_kv: Option<u32>,
) -> Result<Agreement, Failure> {
    let cluster = Cluster::new(config).map_err(|error| of_etcd(&error))?;
    let survey = cluster.survey().await;
    check(&survey, members)?;
    let mut confirmed = i64::MAX;
    for endpoint in cluster.endpoints() {
        let revision = cluster
            .linearizable_revision(endpoint)
            .await
            .map_err(|error| of_etcd(&error))?;
        confirmed = confirmed.min(revision);
    }
    if let Some(started) = revision.filter(|started| confirmed < *started) {
        return Err(Failure::lasting(
            "AnotherCluster",
            format!(
                "the cluster is at revision {confirmed} and was restored to {started}: other members than the restored ones \
                 answer at these endpoints"
            ),
        ));
    }
    let restored = revision.unwrap_or(confirmed);
    let agreement = match hashes(&cluster, restored).await {
        // Clients have compacted beyond it already; that the members are equal can still be told.
        Err(EtcdError::Server { detail, .. }) if detail.contains(COMPACTED) => {
            let answers = hashes(&cluster, confirmed)
                .await
                .map_err(|error| of_etcd(&error))?;
            agree(&answers, confirmed, None)
        }
        answers => agree(&answers.map_err(|error| of_etcd(&error))?, restored, hash_kv),
    }?;
    let version = survey.answered().next().map(|(_, status)| status.version.clone());
    Ok(Agreement {
        version: version.unwrap_or_default(),
        ..agreement
    })
}

/// Of each endpoint: to where it has compacted, and its HashKV at a revision.
async fn hashes(cluster: &Cluster, revision: i64) -> Result<Vec<(String, i64, u32)>, EtcdError> {
    let mut answers = Vec::new();
    for endpoint in cluster.endpoints() {
        let answer = cluster.hash_kv(endpoint, revision).await?;
        answers.push((endpoint.to_owned(), answer.compact_revision, answer.hash));
    }
    Ok(answers)
}

/// Members that compacted differently cannot be compared: they are asked again. Those that differ otherwise are wrong.
fn agree(answers: &[(String, i64, u32)], revision: i64, expected: Option<u32>) -> Result<Agreement, Failure> {
    let Some((_, compacted, hash)) = answers.first() else {
        return Err(Failure::lasting("InvalidSpec", "there is no endpoint to ask"));
    };
    if answers.iter().any(|(_, other, _)| other != compacted) {
        return Err(Failure::transient(
            "Compacting",
            "the members have not compacted to the same revision yet",
        ));
    }
    if let Some((endpoint, _, _)) = answers.iter().find(|(_, _, other)| other != hash) {
        return Err(Failure::lasting(
            "MembersDiffer",
            format!(
                "the HashKV of {endpoint} at revision {revision} differs from that of {}",
                answers.first().map_or("", |(first, ..)| first)
            ),
        ));
    }
    match expected {
        Some(expected) if expected != *hash => Err(Failure::lasting(
            "DataDiffers",
            format!("the members' HashKV at revision {revision} is {hash}, and {expected} was restored"),
        )),
        expected => Ok(Agreement {
            members: answers.len(),
            revision,
            hash_kv: *hash,
            as_restored: expected.is_some(),
            version: String::new(),
        }),
    }
}

/// A member that starts says many things. Nothing that it says now lasts; the restore has a deadline for all of it.
fn of_etcd(error: &EtcdError) -> Failure {
    Failure::of(error.reason(), true, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(of: [(i64, u32); 2]) -> Vec<(String, i64, u32)> {
        of.iter()
            .enumerate()
            .map(|(index, (compacted, hash))| (format!("https://m{index}"), *compacted, *hash))
            .collect()
    }

    #[test]
    fn members_agree_when_all_say_what_was_restored() {
        let agreement = agree(&answers([(5, 7), (5, 7)]), 9, Some(7)).unwrap();
        assert!(agreement.as_restored && agreement.members == 2 && agreement.hash_kv == 7);
        assert!(!agree(&answers([(5, 7), (5, 7)]), 9, None).unwrap().as_restored);
    }

    #[test]
    fn members_that_differ_or_say_something_else_are_wrong_for_good() {
        let failure = agree(&answers([(5, 7), (5, 8)]), 9, Some(7)).unwrap_err();
        assert_eq!(
            (failure.reason.as_str(), failure.transient),
            ("MembersDiffer", false)
        );
        let failure = agree(&answers([(5, 8), (5, 8)]), 9, Some(7)).unwrap_err();
        assert_eq!(
            (failure.reason.as_str(), failure.transient),
            ("DataDiffers", false)
        );
    }

    #[test]
    fn members_that_compacted_differently_are_asked_again() {
        assert!(
            agree(&answers([(5, 7), (6, 8)]), 9, Some(7))
                .unwrap_err()
                .transient
        );
    }
}
