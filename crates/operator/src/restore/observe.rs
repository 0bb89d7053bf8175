//! What is known about a restore.

use etcd_backup_api::conditions::reason;
use etcd_backup_api::{EtcdRestore, RestorePhase};
use kube::ResourceExt;

use super::decide::Observed;
use super::resolve::Wanted;
use super::{clash, cluster, names, stateful_set, targets};
use crate::context::Context;
use crate::jobs::JobPolicy;
use crate::jobs::seen::Problem;

/// Looks around. The API server is asked only while there can be Jobs.
pub(super) async fn observe(restore: &EtcdRestore, context: &Context) -> Observed {
    let job_policy = &context.shared.job_policy;
    job_policy.learn_image(&context.shared.client).await;
    let phase = restore
        .status
        .as_ref()
        .map(|status| status.phase)
        .unwrap_or_default();
    let working = matches!(
        phase,
        RestorePhase::Preparing | RestorePhase::Undoing | RestorePhase::Committing
    );
    let (errands, uid) = (&context.shared.errands, restore.uid().unwrap_or_default());
    let others: Vec<_> = context.scope.cache.restores().state();
    let others = others.iter().filter_map(|object| object.0.as_ref().ok());
    Observed {
        refusal: refusal(restore, context),
        enabled: job_policy.restores && job_policy.image.get().is_some(),
        rival: targets::rival(restore, others).map(ResourceExt::name_any),
        missing: Wanted::of(restore, &context.scope.cache).err(),
        source: errands.source(&uid),
        work: if working {
            cluster::look(&context.shared.client, &context.shared.listener, restore).await
        } else {
            Ok(cluster::Work::default())
        },
        set: match &restore.spec.stateful_set {
            Some(set) if job_policy.restores && !phase.is_terminal() => {
                let namespace = restore.namespace().unwrap_or_default();
                Some(stateful_set::look(&context.shared.client, &namespace, &set.name).await)
            }
            _ => None,
        },
        refused: errands.refused(&uid),
        verification: errands.verification(&uid),
    }
}

/// What this operator does not do, or not for this specification.
fn refusal(restore: &EtcdRestore, context: &Context) -> Option<Problem> {
    let job_policy = &context.shared.job_policy;
    let problem = |reason: &str, message: String| {
        Some(Problem {
            reason: reason.to_owned(),
            message,
        })
    };
    if !job_policy.restores {
        let message =
            "this operator carries out no restores: make config/components/restore part of its installation";
        return problem("RestoreDisabled", message.to_owned());
    }
    if job_policy.image.get().is_none() {
        return problem("AgentImageMissing", JobPolicy::NO_IMAGE.to_owned());
    }
    let paths = restore
        .spec
        .members
        .iter()
        .filter_map(|member| member.target.as_ref()?.host_path.as_ref());
    if let Some(path) = paths
        .into_iter()
        .find(|path| !job_policy.allows_host_path(&path.path))
    {
        let message = format!(
            "restores may not write to {}: its administrator allows directories of nodes with --restore-host-path-root",
            path.path
        );
        return problem("HostPathRefused", message);
    }
    let message = names::check_cluster(restore).err().map(|error| error.to_string());
    let message = message.or_else(|| clash::clashing(restore));
    message.and_then(|message| problem(reason::INVALID_SPEC, message))
}
