//! Which member to take the snapshot from.

mod eligible;
mod refusal;

use std::collections::{BTreeMap, BTreeSet};

use eligible::Candidate;
pub use eligible::Excluded;
pub use refusal::Refusal;

use crate::{Alarm, AlarmKind, MemberStatus, Survey};

/// How far a member may be behind, in raft entries. etcd itself refuses requests of a member that has this many entries left to apply
/// (server/etcdserver/v3_server.go, maxGapBetweenApplyAndCommitIndex).
pub const DEFAULT_MAX_LAG: u64 = 5000;

/// What is demanded of the member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChoosePolicy {
    /// The cluster that is expected; another one is refused. `None`: whichever is found.
    pub expected_cluster_id: Option<u64>,
    /// Whether a member without a quorum is better than none.
    pub allow_degraded: bool,
    /// How many raft entries a member may be behind the most advanced one.
    pub max_lag: u64,
    /// Endpoints that failed earlier in this run: taken only when nothing else is left.
    pub avoid: BTreeSet<String>,
}

impl Default for ChoosePolicy {
    fn default() -> Self {
        Self {
            expected_cluster_id: None,
            allow_degraded: false,
            max_lag: DEFAULT_MAX_LAG,
            avoid: BTreeSet::new(),
        }
    }
}

/// The chosen member, and what is worth recording of the survey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The endpoint to ask.
    pub endpoint: String,
    /// The member behind it.
    pub member_id: u64,
    /// Its name, or its id in hexadecimal when the member list could not be read.
    pub member_name: String,
    /// Its cluster.
    pub cluster_id: u64,
    /// The server's version.
    pub version: String,
    /// The last entry it had applied.
    pub raft_index: u64,
    /// Its raft term.
    pub raft_term: u64,
    /// Its newest revision at the time of the survey.
    pub revision: i64,
    /// Size of its database file in bytes: an upper bound of the snapshot's.
    pub db_size: i64,
    /// Whether it is the leader.
    pub is_leader: bool,
    /// A readable sentence: why this one, and why not others.
    pub why: String,
    /// Taken without a quorum: no guarantee that it is up to date.
    pub degraded: bool,
    /// Members of the cluster, learners included; those that answered, when the member list could not be read.
    pub members: usize,
    /// Alarms raised in the cluster.
    pub alarms: Vec<Alarm>,
}

impl Choice {
    /// The same choice after it turned out that the member cannot reach a majority, for a caller that goes on all the same.
    #[must_use]
    pub fn without_quorum(mut self) -> Self {
        if !self.degraded {
            self.degraded = true;
            self.why +=
                " It could not confirm with a majority that it is up to date: the snapshot is degraded.";
        }
        self
    }

    /// Whether some member's data is known to differ from the others': older snapshots may be needed.
    pub fn corruption_suspected(&self) -> bool {
        self.alarms.iter().any(|alarm| alarm.kind == AlarmKind::Corrupt)
    }
}

/// Picks the member.
///
/// Left out: members with the CORRUPT alarm, learners, members without a leader or in an older term, and members more than `max_lag` entries
/// behind. Of the rest, followers go before the leader, which has enough to do, and the smallest member id decides, so that successive
/// snapshots come from the same member. NOSPACE does not matter.
///
/// With `allow_degraded`, and only when nobody is left otherwise, the most advanced of those who know no leader. The alarm CORRUPT is never
/// overruled, nor what only says that another member is to be asked: an old term, lagging.
///
/// # Errors
/// [`Refusal`], with the reason of every member.
pub fn choose(survey: &Survey, policy: &ChoosePolicy) -> Result<Choice, Refusal> {
    if survey.answered().next().is_none() {
        return Err(Refusal::nobody_answered(survey));
    }
    refuse_other_clusters(survey, policy.expected_cluster_id)?;
    let candidates = eligible::judge(survey, policy);
    let healthy = candidates
        .iter()
        .filter(|c| c.excluded.is_none())
        .min_by_key(|c| {
            let avoided = policy.avoid.contains(c.endpoint);
            (avoided, c.status.is_leader(), c.status.member_id, c.endpoint)
        });
    if let Some(chosen) = healthy {
        return Ok(choice(
            survey,
            chosen,
            healthy_why(survey, policy, chosen, &candidates),
            false,
        ));
    }
    if !policy.allow_degraded {
        return Err(Refusal::nobody_eligible(survey, &candidates));
    }
    let last_resort = candidates
        .iter()
        .filter(|c| c.excluded == Some(Excluded::NoLeader))
        .max_by_key(|c| {
            let avoided = policy.avoid.contains(c.endpoint);
            (
                !avoided,
                c.status.raft_applied_index,
                c.status.revision,
                std::cmp::Reverse(c.status.member_id),
            )
        });
    match last_resort {
        Some(chosen) => Ok(choice(survey, chosen, degraded_why(survey, chosen), true)),
        None => Err(Refusal::nobody_eligible(survey, &candidates)),
    }
}

fn refuse_other_clusters(survey: &Survey, expected: Option<u64>) -> Result<(), Refusal> {
    let mut clusters: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for (endpoint, status) in survey.answered() {
        clusters
            .entry(status.cluster_id)
            .or_default()
            .push(endpoint.to_owned());
    }
    if clusters.len() > 1 {
        return Err(Refusal::DifferentClusters {
            clusters: clusters.into_iter().collect(),
        });
    }
    match (expected, clusters.first_key_value()) {
        (Some(expected), Some((&found, _))) if expected != found => {
            Err(Refusal::UnexpectedCluster { expected, found })
        }
        _ => Ok(()),
    }
}

fn choice(survey: &Survey, chosen: &Candidate<'_>, why: String, degraded: bool) -> Choice {
    let status: &MemberStatus = chosen.status;
    Choice {
        endpoint: chosen.endpoint.to_owned(),
        member_id: status.member_id,
        member_name: survey.name_of(status.member_id),
        cluster_id: status.cluster_id,
        version: status.version.clone(),
        raft_index: status.raft_applied_index,
        raft_term: status.raft_term,
        revision: status.revision,
        db_size: status.db_size,
        is_leader: status.is_leader(),
        why,
        degraded,
        members: if survey.members.is_empty() {
            let ids: BTreeSet<u64> = survey.answered().map(|(_, s)| s.member_id).collect();
            ids.len()
        } else {
            survey.members.len()
        },
        alarms: eligible::alarms(survey),
    }
}

fn healthy_why(
    survey: &Survey,
    policy: &ChoosePolicy,
    chosen: &Candidate<'_>,
    all: &[Candidate<'_>],
) -> String {
    let name = survey.name_of(chosen.status.member_id);
    let role = match (chosen.status.is_leader(), survey.members.len()) {
        (true, 1) => "is the only member".to_owned(),
        (true, _) => "is the leader, and no healthy follower can be used".to_owned(),
        (false, _) => "is a healthy follower, which spares the leader".to_owned(),
    };
    let again = if policy.avoid.contains(chosen.endpoint) {
        " It failed before in this run, but nothing else is left."
    } else {
        ""
    };
    let others = left_out(
        survey,
        all.iter()
            .filter_map(|c| Some((c.endpoint, c.excluded.as_ref()?.to_string()))),
    );
    format!(
        "{name} {role} ({} entries behind the most advanced member).{again}{others}",
        chosen.lag
    )
}

fn degraded_why(survey: &Survey, chosen: &Candidate<'_>) -> String {
    let name = survey.name_of(chosen.status.member_id);
    let excluded = chosen
        .excluded
        .as_ref()
        .map_or_else(String::new, |why| format!(", although it {why}"));
    let others = left_out(survey, std::iter::empty());
    format!("{name} is the most advanced member that answers{excluded}; the snapshot is degraded.{others}")
}

/// One sentence about each endpoint that was not considered.
fn left_out<'a>(survey: &'a Survey, excluded: impl Iterator<Item = (&'a str, String)>) -> String {
    let silent = survey.probes.iter().filter_map(|probe| {
        let error = probe.status.as_ref().err()?;
        Some((
            probe.endpoint.as_str(),
            format!("did not answer ({})", error.reason()),
        ))
    });
    let sentences: Vec<String> = excluded
        .chain(silent)
        .map(|(endpoint, why)| format!(" {endpoint} {why}."))
        .collect();
    sentences.concat()
}

#[cfg(test)]
mod tests;
