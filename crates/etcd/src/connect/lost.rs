//! What a connection was lost to.

use std::sync::{Arc, Mutex, PoisonError};

use super::CertificateProblem;

/// The TLS error that the last connection of a link ended with, shared between the connection and whoever explains its loss.
#[derive(Debug, Clone, Default)]
pub(super) struct Lost(Arc<Mutex<Option<CertificateProblem>>>);

impl Lost {
    pub(super) fn remember(&self, error: &rustls::Error) {
        if let Some(problem) = CertificateProblem::of(error) {
            *self.slot() = Some(problem);
        }
    }

    pub(super) fn forget(&self) {
        *self.slot() = None;
    }

    pub(super) fn problem(&self) -> Option<CertificateProblem> {
        self.slot().clone()
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<CertificateProblem>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
