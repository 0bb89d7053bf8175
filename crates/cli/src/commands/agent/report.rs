//! Telling what came of a task.

use std::{fs, path::Path};

use etcd_backup_operator::agent::AgentResult;

use super::error::AgentError;
use crate::exit::{Exit, Failure};

/// Writes the result where Kubernetes looks for it. A failure also goes to standard error, where `kubectl logs` shows it.
pub(super) fn report(done: Result<AgentResult, AgentError>, to: &Path) -> Result<(), Failure> {
    let (result, failure) = match done {
        Ok(result) => (result, None),
        Err(error) => {
            let exit = match &error {
                AgentError::Interrupted => Exit::Interrupted,
                error if error.is_lasting() => Exit::Lasting,
                _ => Exit::Other,
            };
            let result = AgentResult::Failed {
                reason: error.reason().to_owned(),
                message: error.to_string(),
                stage: error.stage().map(str::to_owned),
            };
            (result, Some(Failure::new(exit, error)))
        }
    };
    let written = fs::write(to, result.encode());
    match (failure, written) {
        (Some(failure), _) => Err(failure),
        (None, Ok(())) => Ok(()),
        // Done, and every step may be done twice: another try can tell.
        (None, Err(error)) => Err(Failure::new(
            Exit::Other,
            format!("cannot write the result to {}: {error}", to.display()),
        )),
    }
}
