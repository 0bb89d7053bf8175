//! A plan as it is now, and not as a watch showed it some time ago.

use etcd_backup_api::EtcdBackup;
use kube::{Client, Resource};
use tracing::warn;

use super::Failure;
use crate::cache::PlanObject;
use crate::read::{cannot_read, read as read_object};

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
    let unread = |message| Failure::transient(UNREAD, message);
    let object: Option<PlanObject> = read_object(client, namespace, name).await.map_err(unread)?;
    let Some(object) = object else { return Ok(None) };
    object.0.map(Some).map_err(|error| {
        let why = format!("it does not fit its definition: {error}");
        let message = cannot_read(&EtcdBackup::kind(&()), name, &why);
        warn!(namespace, name, "{message}");
        unread(message)
    })
}
