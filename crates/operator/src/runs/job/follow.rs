//! From a request to the end of its Job.

use etcd_backup_api::StorageSpec;
use etcd_backup_backup::write::Progress;
use k8s_openapi::api::batch::v1::Job;
use kube::api::{Api, DeleteParams, PostParams};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::patience::{LOOK, Losses, Since, pause};
use super::seen::{Seen, look};
use super::{JobExecutor, build, name_of};
use crate::connect::Failure;
use crate::events::{Note, reason as event};
use crate::explain::api_error;
use crate::jobs::wait::Wait;
use crate::read::PATIENCE;
use crate::runs::request::{RunRequest, RunResult};

/// What is known about the Job itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Made {
    /// It was not made in this run.
    No,
    /// It was, or is said to have been.
    Yes,
    /// There was one of its name already.
    Exists,
}

impl JobExecutor {
    /// Makes the Job, or finds it, and follows it to its end.
    pub(super) async fn follow(
        &self,
        request: &RunRequest,
        progress: &Progress,
        cancel: &CancellationToken,
    ) -> RunResult {
        let mut made = if request.adopt { Made::Yes } else { Made::No };
        let (mut since, mut losses) = (Since::default(), Losses::default());
        // What was asked for, until it shows what a process before made.
        let mut storage = request.plan.spec.storage.clone();
        let began = Instant::now();
        loop {
            if cancel.is_cancelled() {
                let cancelled = Failure::lasting("Cancelled", "the run was cancelled");
                return self.end(request, &mut storage, cancelled).await;
            }
            match bounded(look(&self.client, &self.listener, request, &mut storage)).await {
                Ok(Seen::Nothing) => match made {
                    Made::No => match self.create(request).await {
                        Ok(now) => {
                            made = now;
                            continue;
                        }
                        Err(Trouble::Refused(failure)) => return Err(failure),
                        // It may have been made all the same: a later look tells, and no sooner is it asked for again.
                        Err(Trouble::Unknown(why)) => {
                            warn!(
                                job = name_of(request),
                                "cannot tell whether the Job was made: {why}"
                            );
                            let wait = unanswered(format!("cannot tell whether the Job was made: {why}"));
                            self.tell(request, Some(&wait)).await;
                            if let Some(failure) = since.judge(Some(&wait)) {
                                return self.end(request, &mut storage, failure).await;
                            }
                        }
                    },
                    Made::Yes => return self.gone(request, &storage).await,
                    Made::Exists => return Err(name_taken(request)),
                },
                Ok(Seen::PodOnly) => self.tell(request, None).await,
                Ok(Seen::Active(wait, said)) => {
                    if let Some(said) = said {
                        progress.learn(said.bytes, said.total);
                    }
                    self.tell(request, wait.as_ref()).await;
                    if let Some(failure) = since.judge(wait.as_ref()) {
                        return self.end(request, &mut storage, failure).await;
                    }
                    made = Made::Yes;
                }
                // It never began, so nothing is begun beside it. It is gone before there is another one.
                Ok(Seen::Lost(pod)) if request.plan.spec.runner.is_job() && losses.may_go_on(&pod) => {
                    self.tell(request, Some(&Losses::wait())).await;
                    self.delete(request).await;
                    made = Made::No;
                    storage.clone_from(&request.plan.spec.storage);
                }
                Ok(Seen::Lost(_)) => return self.end(request, &mut storage, Losses::failure()).await,
                Ok(Seen::Said(said, ended)) => return self.take(request, &storage, said, ended).await,
                Ok(Seen::Silent(failure)) => return self.written_or(request, &storage, failure).await,
                Err(Trouble::Refused(failure)) if made == Made::No => return Err(failure),
                // It may be under way: nothing may begin beside it.
                Err(trouble) => {
                    warn!(job = name_of(request), "cannot look: {}", trouble.message());
                    self.tell(request, Some(&trouble.wait())).await;
                }
            }
            tokio::select! {
                () = cancel.cancelled() => {}
                () = sleep(pause(began.elapsed())) => {}
            }
        }
    }

    /// Asks for the Job.
    async fn create(&self, request: &RunRequest) -> Result<Made, Trouble> {
        self.job_policy.learn_image(&self.client).await;
        let kubernetes_uid = self.connector.kubernetes_uid().await;
        let kubernetes_uid = kubernetes_uid.map_err(Trouble::Refused)?;
        let job = build::job(request, kubernetes_uid, &self.job_policy, self.spool);
        let job = job.map_err(Trouble::Refused)?;
        let jobs: Api<Job> = Api::namespaced(self.client.clone(), &request.snapshot.namespace);
        match bounded(jobs.create(&PostParams::default(), &job)).await {
            Ok(_) => {
                info!(job = name_of(request), "made the Job");
                Ok(Made::Yes)
            }
            Err(Trouble::Refused(failure)) if failure.reason == EXISTS => Ok(Made::Exists),
            Err(trouble) => Err(trouble),
        }
    }

    /// Takes the Job away and waits until nothing of it can write any more. It fails with `failure`, unless it was quicker.
    async fn end(&self, request: &RunRequest, storage: &mut StorageSpec, failure: Failure) -> RunResult {
        loop {
            match bounded(look(&self.client, &self.listener, request, storage)).await {
                Ok(Seen::Nothing | Seen::Silent(_)) => {
                    return self.written_or(request, storage, failure).await;
                }
                Ok(Seen::PodOnly) => {}
                Ok(Seen::Said(said, ended)) => {
                    // It was over before: what it stored counts.
                    let result = self.take(request, storage, said, ended).await;
                    return result.map_err(|_| failure);
                }
                Ok(Seen::Active(..) | Seen::Lost(_)) => self.delete(request).await,
                Err(trouble) => warn!(job = name_of(request), "cannot look: {}", trouble.message()),
            }
            sleep(LOOK / 4).await;
        }
    }

    /// Asks for the end of the Job. Whether it is gone a later look tells.
    async fn delete(&self, request: &RunRequest) {
        let jobs: Api<Job> = Api::namespaced(self.client.clone(), &request.snapshot.namespace);
        let name = name_of(request);
        let deleted = bounded(jobs.delete(&name, &DeleteParams::background())).await;
        if let Err(trouble) = deleted {
            warn!(job = name, "cannot delete the Job: {}", trouble.message());
        }
    }

    /// Shows what the Job waits for, in the status and, once for each trouble, as an event.
    async fn tell(&self, request: &RunRequest, wait: Option<&Wait>) {
        let snapshot = &request.snapshot;
        if !self.waits.set(&snapshot.uid, wait) {
            return;
        }
        // Nobody listening means that the process ends.
        let _ = self.wake.send(snapshot.object_ref());
        let Some(wait) = wait.filter(|wait| wait.is_trouble()) else {
            return;
        };
        let message = format!("the Job {}: {}: {}", name_of(request), wait.reason, wait.message);
        let note = Note::warning(event::JOB_WAITS, "TakeSnapshot", message);
        let reference = k8s_openapi::api::core::v1::ObjectReference {
            uid: Some(snapshot.uid.clone()),
            ..snapshot.object_ref().into()
        };
        self.events.publish(&reference, &[note]).await;
    }
}

/// The reason of a [`Failure`] because an object of that name is there.
const EXISTS: &str = "AlreadyExists";

/// Why a request did not work.
enum Trouble {
    /// The API server refused it: nothing was done.
    Refused(Failure),
    /// Nobody knows what was done.
    Unknown(String),
}

impl Trouble {
    fn message(&self) -> &str {
        match self {
            Self::Refused(failure) => &failure.message,
            Self::Unknown(why) => why,
        }
    }

    /// What a Job under way waits for, when it cannot be looked at.
    fn wait(&self) -> Wait {
        match self {
            Self::Refused(failure) => Wait {
                reason: failure.reason.clone(),
                message: failure.message.clone(),
            },
            Self::Unknown(why) => unanswered(format!("cannot look at the Job: {why}")),
        }
    }
}

fn unanswered(message: String) -> Wait {
    Wait {
        reason: "ApiServerUnavailable".to_owned(),
        message,
    }
}

/// The answer of the API server, if it comes in time.
async fn bounded<T>(request: impl Future<Output = Result<T, kube::Error>>) -> Result<T, Trouble> {
    match timeout(PATIENCE, request).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(judge(&error)),
        Err(_) => Err(Trouble::Unknown("the API server does not answer".to_owned())),
    }
}

fn judge(error: &kube::Error) -> Trouble {
    let message = api_error(error);
    match error {
        // What a role lacks; admission answers 403 too, in its own words.
        kube::Error::Api(status) if status.code == 403 && status.message.contains(" cannot ") => {
            Trouble::Refused(Failure::transient(
                "Forbidden",
                format!("{message}; the rights over Jobs are in config/components/jobs"),
            ))
        }
        kube::Error::Api(status) if status.code == 403 => {
            let quota = status.message.contains("exceeded quota");
            let reason = if quota { "QuotaExceeded" } else { "JobRefused" };
            Trouble::Refused(Failure::transient(
                reason,
                format!("the API server refuses the Job: {}", status.message),
            ))
        }
        kube::Error::Api(status) if status.code < 500 && status.code != 429 => {
            let reason = if status.reason.is_empty() {
                "JobRefused"
            } else {
                &status.reason
            };
            Trouble::Refused(Failure::transient(reason, message))
        }
        _ => Trouble::Unknown(message),
    }
}

fn name_taken(request: &RunRequest) -> Failure {
    Failure::transient(
        "NameTaken",
        format!(
            "there is a Job {} that is not this snapshot's: delete it",
            name_of(request)
        ),
    )
}
