//! What keeps this process from the Lease.

use kube::Error as KubeError;
use thiserror::Error;
use tracing::{info, warn};

use crate::explain::api_error;

/// Why a try at the Lease came to nothing.
#[derive(Debug, Error)]
pub(super) enum LeaseError {
    #[error("the API server did not answer a request for the leader lease in time")]
    Timeout,
    #[error("cannot read the leader lease: {}", api_error(.0))]
    Get(#[source] KubeError),
    #[error("cannot create the leader lease: {}", api_error(.0))]
    Create(#[source] KubeError),
    #[error("cannot update the leader lease: {}", api_error(.0))]
    Update(#[source] KubeError),
}

/// What was said last. A try is made every few seconds, for as long as the API server is away, so only what changes is said.
#[derive(Debug, Default)]
pub(super) struct Trouble(Option<String>);

impl Trouble {
    /// A try ended, well or with this.
    pub(super) fn tell(&mut self, error: Option<&LeaseError>) {
        match error.map(ToString::to_string) {
            now if !self.changes_to(now.as_deref()) => {}
            Some(text) => warn!("{text}"),
            None => info!("the leader lease can be asked for again"),
        }
    }

    fn changes_to(&mut self, now: Option<&str>) -> bool {
        let changes = self.0.as_deref() != now;
        self.0 = now.map(str::to_owned);
        changes
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[test]
    fn the_same_trouble_is_said_once_and_so_is_its_end() {
        let mut trouble = Trouble::default();
        let tries = [
            None,
            Some("a"),
            Some("a"),
            Some("b"),
            Some("b"),
            None,
            None,
            Some("b"),
        ];
        let said = tries.map(|now| trouble.changes_to(now));
        assert_eq!(said, [false, true, false, true, false, true, false, true]);
    }

    #[test]
    fn a_right_that_is_missing_is_said_in_one_sentence_with_the_place_to_grant_it() {
        let status = Status::failure("User \"x\" cannot get resource \"leases\"", "Forbidden").with_code(403);
        let text = LeaseError::Get(KubeError::Api(Box::new(status))).to_string();
        assert!(
            text.contains("leader lease") && text.contains("config/rbac"),
            "{text}"
        );
        assert_eq!(text.matches("cannot get resource").count(), 1, "{text}");
    }
}
