//! How the process ends when something is wrong.

use std::{
    error::Error,
    fmt::Display,
    io::{self, Write},
    process::ExitCode,
};

use etcd_backup_etcd::{EtcdError, Refusal};
use etcd_backup_operator::explain::with_causes;
use etcd_backup_snapshot::VerifyError;

/// Printed below `--help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0    done
  1    any other failure
  2    the command line cannot be understood, or what it asks for cannot be had: the private key
       does not fit, the file is compressed or a directory, the data is newer than the etcd it is
       for, the snapshot lacks the revision
  3    etcd cannot be reached, refuses, or no member can be used
  4    the snapshot is not sound
  5    the file or the store cannot be read or written
  6    the store holds no such backup
  10   agent: trying again cannot help
  101  a panic, which is a bug: what is said names the place
  130  interrupted; nothing half-written is left under the wanted name";

/// The kinds of failure that scripts can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Other = 1,
    Usage = 2,
    Etcd = 3,
    Unsound = 4,
    Storage = 5,
    NotFound = 6,
    /// Of the agent alone: its Job need not try again.
    Lasting = 10,
    Interrupted = 130,
}

/// What went wrong, for a person: one sentence, and where there is one a way out.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Display) -> Self {
        Self {
            exit,
            message: message.to_string(),
            hint: None,
        }
    }

    /// An error of the crates below, with its causes: what is wrong with a connection, say, stands in them alone.
    pub(crate) fn of(exit: Exit, error: &dyn Error) -> Self {
        Self::new(exit, with_causes(error))
    }

    /// The same, of something that has a name.
    pub(crate) fn about(name: impl Display, exit: Exit, error: &dyn Error) -> Self {
        Self::new(exit, format!("{name}: {}", with_causes(error)))
    }

    /// A file or a store that does not do what it should.
    pub(crate) fn storage(what: impl Display, error: &io::Error) -> Self {
        Self::new(Exit::Storage, format!("{what}: {error}"))
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Prints it to standard error.
    pub(crate) fn report(&self) -> ExitCode {
        let mut stderr = io::stderr().lock();
        // Nobody is left to be told when standard error is closed.
        let _ = writeln!(stderr, "Error: {}", self.message);
        if let Some(hint) = &self.hint {
            let _ = writeln!(stderr, "Hint: {hint}");
        }
        ExitCode::from(self.exit as u8)
    }
}

impl From<EtcdError> for Failure {
    fn from(error: EtcdError) -> Self {
        let failure = Self::new(Exit::Etcd, &error);
        match (&error, hint(error.reason())) {
            (EtcdError::InvalidConfig { .. }, _) => Self {
                exit: Exit::Usage,
                ..failure
            },
            // Nothing may not be connected to by whoever types the command, so it is what was typed.
            (EtcdError::EndpointRefused { .. }, _) => Self {
                exit: Exit::Usage,
                ..failure
            }
            .hint("write https://10.0.0.1:2379, and an IPv6 address in brackets: https://[fd00::1]:2379"),
            (_, Some(hint)) => failure.hint(hint),
            (_, None) => failure,
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let failure = Self::new(Exit::Etcd, &refusal);
        match hint(refusal.reason()) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Read { source } => Self::storage("cannot read the snapshot", &source),
            error => Self::new(Exit::Unsound, &error),
        }
    }
}

/// A way out, by the stable word for what is wrong.
fn hint(reason: &str) -> Option<&'static str> {
    match reason {
        "Unreachable" => Some("check --endpoints, and that they are client URLs (port 2379, not 2380)"),
        "CertificateInvalid" => Some("check --cacert, --cert, --key and --tls-server-name"),
        "AuthenticationFailed" => Some("give --user and --password (or ETCDCTL_USER and ETCDCTL_PASSWORD)"),
        "NoQuorum" => Some(
            "with --allow-degraded the most advanced member's own state is saved, which may be the last chance",
        ),
        _ => None,
    }
}
