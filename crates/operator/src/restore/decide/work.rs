//! While Jobs work at the targets.

use etcd_backup_api::{MemberPhase, RestorePhase};

use super::follow::{follow, look};
use super::set::{self, Back};
use super::{Action, Case};
use crate::agent::Step;
use crate::jobs::seen::{JobState, Problem};

/// Every member's data is built; when all are, it is put into place.
pub(super) fn prepare(case: &mut Case<'_>) {
    match set::is_stopped(case) {
        Ok(true) => {}
        Ok(false) => return,
        Err(failure) => return case.undo(&failure.reason, failure.message),
    }
    let Some(work) = look(case) else { return };
    let mut failed = None;
    for index in 0..case.decision.status.members.len() {
        if case
            .before
            .members
            .get(index)
            .is_some_and(|member| member.phase == MemberPhase::Prepared)
        {
            continue;
        }
        if let Some(problem) = follow(case, &work, Step::Prepare, index) {
            failed = failed.or(Some((index, problem)));
        }
    }
    if let Some((index, problem)) = failed {
        let name = name(case, index);
        return case.undo(
            &problem.reason,
            format!("member {name} could not be prepared: {}", problem.message),
        );
    }
    if let Some(difference) = difference(case) {
        return case.undo("MembersDiffer", difference);
    }
    if all(case, MemberPhase::Prepared) {
        case.enter(
            RestorePhase::Committing,
            "every member is prepared: the new data is put into place",
        );
        case.decision.again = Some(case.now);
    }
}

/// What was prepared is taken away, after nobody writes there any more.
pub(super) fn undo(case: &mut Case<'_>) {
    let Some(work) = look(case) else { return };
    let begun = |index: usize| {
        case.before
            .members
            .get(index)
            .is_some_and(|member| member.phase != MemberPhase::Pending)
    };
    let begun: Vec<usize> = (0..case.before.members.len())
        .filter(|index| begun(*index))
        .collect();
    let (mut open, mut left) = (false, Vec::new());
    for index in begun {
        let active = work.jobs.iter().any(|job| {
            let open = matches!(job.state, JobState::Active { .. } | JobState::Lost);
            job.step == Step::Prepare && job.index == index && open
        });
        if active {
            case.decision.actions.push(Action::Delete(Step::Prepare, index));
            open = true;
        } else if work.running.contains(&(Step::Prepare, index)) {
            open = true;
        } else if let Some(problem) = follow(case, &work, Step::Discard, index) {
            left.push(format!("{} ({})", name(case, index), problem.message));
        } else {
            let member = case.decision.status.members.get(index);
            open |= member.is_none_or(|member| member.phase != MemberPhase::Discarded);
        }
    }
    if open {
        return;
    }
    let back = set::give_back(case);
    if let Back::Waits = back {
        return;
    }
    let failure = case.before.failure.clone();
    let (reason, mut message) = failure.map_or_else(
        || ("Failed".to_owned(), "the restore was given up".to_owned()),
        |failure| (failure.reason, failure.message),
    );
    message.push_str("; the old data of every target is in place");
    if !left.is_empty() {
        message.push_str(". Directories .etcd-restore-… are left at ");
        message.push_str(&left.join(", "));
        message.push_str(": delete them by hand");
    }
    if let Back::ByHand(by_hand) = back {
        message.push_str(". ");
        message.push_str(&by_hand);
    }
    case.fail(&reason, message);
}

/// Every member's data is put into place. One that cannot be does not keep the others from it: there is no way back.
pub(super) fn commit(case: &mut Case<'_>) {
    // Somebody may have scaled it meanwhile. There is no way back, so that is waited for; where another StatefulSet has the
    // name, the agent still refuses what an etcd has open.
    match set::is_stopped(case) {
        Ok(true) => {}
        Ok(false) => return,
        Err(failure) if failure.transient => return case.say(&failure.reason, failure.message),
        Err(replaced) => case.say(&replaced.reason, replaced.message),
    }
    let Some(work) = look(case) else { return };
    let mut problems: Vec<(usize, Problem)> = Vec::new();
    for index in 0..case.decision.status.members.len() {
        if case
            .before
            .members
            .get(index)
            .is_some_and(|member| member.phase == MemberPhase::Committed)
        {
            continue;
        }
        if let Some(problem) = follow(case, &work, Step::Commit, index) {
            problems.push((index, problem));
        }
    }
    let members = &case.decision.status.members;
    let done = members
        .iter()
        .filter(|member| member.phase == MemberPhase::Committed)
        .count();
    let total = members.len();
    case.decision.status.members_done = u32::try_from(done).ok();
    if done == total {
        set::committed(case);
    } else if done + problems.len() == total {
        let which: Vec<String> = problems
            .iter()
            .map(|(index, problem)| format!("{}: {}", name(case, *index), problem.message))
            .collect();
        case.fail(
            "CommitFailed",
            format!(
                "the new data is in place for {done} of {total} members, and not for {}. Start none of them; put right what \
                 is said, and create another restore with existingData: ReplaceAside",
                which.join("; ")
            ),
        );
    }
}

/// All members are built of the same bytes in the same way, so they must be the same.
fn difference(case: &Case<'_>) -> Option<String> {
    let mut known = case
        .decision
        .status
        .members
        .iter()
        .filter_map(|member| Some((member, member.hash_kv?)));
    let (first, hash) = known.next()?;
    let (other, _) = known.find(|(_, other)| *other != hash)?;
    Some(format!(
        "the HashKV of the prepared members {} and {} differ",
        first.name, other.name
    ))
}

fn all(case: &Case<'_>, phase: MemberPhase) -> bool {
    case.decision
        .status
        .members
        .iter()
        .all(|member| member.phase == phase)
}

fn name(case: &Case<'_>, index: usize) -> String {
    case.decision
        .status
        .members
        .get(index)
        .map_or_else(String::new, |member| member.name.clone())
}
