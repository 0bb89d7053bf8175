//! A plan as it is now, and not as a watch showed it some time ago.

use std::time::Duration;

use etcd_backup_api::EtcdBackup;
use kube::{Api, Client};
use tokio::time::timeout;
use tracing::warn;

use super::Failure;
use crate::cache::PlanObject;
use crate::explain::api_error;

/// How long the API server may take for its answer, as for everything else that is asked of it beside a watch.
const PATIENCE: Duration = Duration::from_secs(15);

/// The word for a plan of which nobody can say how it is now.
const UNREAD: &str = "PlanUnreadable";

/// Asks the API server for a plan. An edit that was accepted before this call is in the answer. `None` when there is none of
/// that name.
///
/// # Errors
/// There is no answer, or one that cannot be understood. The log has it too.
pub(crate) async fn read_plan(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<Option<EtcdBackup>, Failure> {
    let api: Api<PlanObject> = Api::namespaced(client.clone(), namespace);
    let why = match timeout(PATIENCE, api.get_opt(name)).await {
        Ok(Ok(None)) => return Ok(None),
        Ok(Ok(Some(object))) => match object.0 {
            Ok(plan) => return Ok(Some(plan)),
            Err(error) => format!("it does not fit its definition: {error}"),
        },
        Ok(Err(error)) => api_error(&error),
        Err(_) => "the API server does not answer".to_owned(),
    };
    let message = format!("cannot read EtcdBackup {name} as it is now: {why}");
    warn!(namespace, plan = name, "{message}");
    Err(Failure::transient(UNREAD, message))
}
