//! The Job of one member: made, looked at, and what it said written down.

use etcd_backup_api::MemberPhase;

use super::{ACTION, Action, Case, LOOK};
use crate::agent::{AgentResult, Step};
use crate::events::{Note, reason as event};
use crate::jobs::seen::{JobState, LOST, Problem};
use crate::jobs::wait::Wait;
use crate::progress::shown;
use crate::restore::cluster::Work;
use crate::restore::job;
use crate::status::shortened;

/// The longest message about a member, in bytes: as its field in the status has it.
const LONGEST_MESSAGE: usize = 4096;

/// What Jobs there are, or says why that is not known.
pub(super) fn look(case: &mut Case<'_>) -> Option<Work> {
    case.decision.again = Some(case.now + LOOK);
    match &case.observed.work {
        Ok(work) => Some(work.clone()),
        Err(problem) => {
            case.say(&problem.reason, problem.message.clone());
            None
        }
    }
}

/// Makes a member's Job, or writes down how far it is. Answers why it failed.
pub(super) fn follow(case: &mut Case<'_>, work: &Work, step: Step, index: usize) -> Option<Problem> {
    let (under_way, done) = match step {
        Step::Prepare => (MemberPhase::Preparing, MemberPhase::Prepared),
        Step::Commit => (MemberPhase::Committing, MemberPhase::Committed),
        Step::Discard => (MemberPhase::Failed, MemberPhase::Discarded),
    };
    let seen = work
        .jobs
        .iter()
        .find(|job| job.step == step && job.index == index);
    let name = job::name(case.restore, step, index);
    let member = case.decision.status.members.get_mut(index)?;
    member.job = Some(name.clone());
    match seen.map(|job| &job.state) {
        None if work.running.contains(&(step, index)) => {
            member.message = Some("a pod of a Job that is gone has not ended yet".to_owned());
            None
        }
        None => {
            member.phase = under_way;
            member.progress = None;
            case.decision.actions.push(Action::Create(step, index));
            None
        }
        Some(JobState::Active { waits, said }) => {
            member.phase = under_way;
            member.progress = shown(*said).or(member.progress);
            let before = std::mem::replace(&mut member.message, waits.as_ref().map(told));
            let news = member.message.clone().filter(|now| before.as_ref() != Some(now));
            if let (Some(news), Some(true)) = (news, waits.as_ref().map(Wait::is_trouble)) {
                let message = format!("the Job {name} waits: {news}");
                let note = Note::warning(event::JOB_WAITS, ACTION, message);
                case.decision.notes.push(note);
            }
            None
        }
        Some(JobState::Lost) => {
            member.phase = under_way;
            member.progress = None;
            member.message = Some(LOST.to_owned());
            case.decision.actions.push(Action::Delete(step, index));
            None
        }
        Some(JobState::Complete(result)) => {
            member.phase = done;
            member.message = None;
            member.progress = None;
            if let Some(result) = result.clone() {
                record(case, index, result);
            }
            None
        }
        Some(JobState::Failed(problem)) => {
            member.phase = MemberPhase::Failed;
            member.progress = None;
            member.message = Some(problem.message.clone());
            Some(problem.clone())
        }
    }
}

/// What a Job waits for, as the status of its member has it.
fn told(wait: &Wait) -> String {
    shortened(wait.to_string(), LONGEST_MESSAGE)
}

fn record(case: &mut Case<'_>, index: usize, result: AgentResult) {
    let status = &mut case.decision.status;
    let Some(member) = status.members.get_mut(index) else {
        return;
    };
    match result {
        AgentResult::Prepared {
            bytes,
            revision,
            hash_kv,
            member_id,
            message,
            ..
        } => {
            member.bytes = Some(bytes);
            member.hash_kv = hash_kv;
            member.member_id = Some(member_id);
            member.message = message;
            status.revision = Some(revision);
        }
        AgentResult::Committed { previous } => member.previous = previous,
        AgentResult::Discarded
        | AgentResult::Drilled { .. }
        | AgentResult::Stored { .. }
        | AgentResult::Failed { .. } => {}
    }
}
