//! What is put up with before an attempt is given up.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use crate::connect::Failure;
use crate::jobs::seen::LOST;
use crate::jobs::wait::{CREATING, UNSCHEDULABLE, Wait};

/// How often a Job is looked at, at first.
pub(super) const LOOK: Duration = Duration::from_secs(2);

/// How often one is that takes long. A look takes two lists from the API server, and an end that is seen some seconds later
/// makes a twentieth of such a run at most.
const SELDOM: Duration = Duration::from_secs(10);

/// How long until the next look at a Job that has been followed for so long.
pub(super) fn pause(followed: Duration) -> Duration {
    (followed / 20).clamp(LOOK, SELDOM)
}

/// How long a pod may wait for a node: a new one takes a cloud some minutes.
const FOR_NODE: Duration = Duration::from_mins(10);

/// How long its volumes may take, and an image that is being pulled.
const FOR_CONTAINER: Duration = Duration::from_mins(5);

/// How long it may wait for anything else, such as an image that cannot be pulled: what is wrong for a moment heals by then.
const FOR_REPAIR: Duration = Duration::from_mins(2);

/// How often a Job is made again because its node lost its pod. A node that restarts more often while one pod starts is not well.
const MADE_AGAIN: usize = 3;

/// Since when a Job waits for the same thing.
#[derive(Default)]
pub(super) struct Since(Option<(String, Instant)>);

impl Since {
    /// The failure of a Job that waits for too long.
    pub(super) fn judge(&mut self, wait: Option<&Wait>) -> Option<Failure> {
        let Some(wait) = wait else {
            self.0 = None;
            return None;
        };
        let since = match &self.0 {
            // One trouble with an image goes by two names in turn.
            Some((kind, since)) if *kind == kind_of(&wait.reason) => *since,
            _ => {
                let now = Instant::now();
                self.0 = Some((kind_of(&wait.reason).to_owned(), now));
                now
            }
        };
        let most = match kind_of(&wait.reason) {
            UNSCHEDULABLE => FOR_NODE,
            CREATING => FOR_CONTAINER,
            _ => FOR_REPAIR,
        };
        (since.elapsed() >= most).then(|| {
            let message = format!("given up after {} s: {}", most.as_secs(), wait.message);
            Failure::transient(&wait.reason, message)
        })
    }
}

fn kind_of(reason: &str) -> &str {
    match reason {
        "ErrImagePull" | "ImagePullBackOff" => "ImagePullBackOff",
        other => other,
    }
}

/// The pods of an attempt that their nodes lost. None of them ever began, so that its Job can be made again.
#[derive(Default)]
pub(super) struct Losses(BTreeSet<String>);

impl Losses {
    /// Whether the Job of a pod that was lost, by its UID, is to be made again.
    pub(super) fn may_go_on(&mut self, pod: &str) -> bool {
        self.0.insert(pod.to_owned());
        self.0.len() <= MADE_AGAIN
    }

    /// What is told meanwhile.
    pub(super) fn wait() -> Wait {
        Wait {
            reason: POD_LOST.to_owned(),
            message: LOST.to_owned(),
        }
    }

    /// What it comes to when the Job is not made again.
    pub(super) fn failure() -> Failure {
        Failure::transient(POD_LOST, "its pod was lost when its node restarted")
    }
}

/// The reason.
const POD_LOST: &str = "PodLost";

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[test]
    fn a_job_that_takes_long_is_looked_at_more_seldom() {
        let seconds = Duration::from_secs;
        for (followed, next) in [(0, 2), (40, 2), (100, 5), (200, 10), (7200, 10)] {
            assert_eq!(pause(seconds(followed)), seconds(next), "after {followed} s");
        }
    }

    #[test]
    fn a_job_is_made_again_for_each_pod_that_was_lost_but_not_for_ever() {
        let mut losses = Losses::default();
        for pod in ["a", "b", "c"] {
            for _ in 0..10 {
                assert!(losses.may_go_on(pod), "{pod} is seen until it is gone");
            }
        }
        assert!(!losses.may_go_on("d"));
    }

    #[tokio::test(start_paused = true)]
    async fn patience_begins_anew_with_another_trouble() {
        let wait = |reason: &str| Wait {
            reason: reason.to_owned(),
            message: "no".to_owned(),
        };
        let mut since = Since::default();
        assert!(since.judge(Some(&wait("ErrImagePull"))).is_none());
        sleep(FOR_REPAIR / 2).await;
        assert!(since.judge(Some(&wait("ImagePullBackOff"))).is_none());
        sleep(FOR_REPAIR / 2).await;
        let failure = since.judge(Some(&wait("ErrImagePull"))).unwrap();
        assert_eq!(failure.reason, "ErrImagePull", "one trouble with two names");
        assert!(since.judge(Some(&wait(UNSCHEDULABLE))).is_none());
        sleep(FOR_REPAIR).await;
        assert!(
            since.judge(Some(&wait(UNSCHEDULABLE))).is_none(),
            "a node takes longer"
        );
        assert!(since.judge(None).is_none());
        assert!(since.judge(Some(&wait(UNSCHEDULABLE))).is_none());
    }
}
