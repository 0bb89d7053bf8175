//! `etcd-backup kubectl`, which is also `kubectl etcd-backup`. Its verbs do what the documented annotations and fields do.

mod drill;
mod now;
mod pin;
mod reach;
mod status;

use clap::{Args, Subcommand};

use self::{drill::Drill, now::Now, pin::Pin, reach::Reach, status::Status};
use crate::{commands::runtime, exit::Failure, output::Format};

// What is asked, and of which cluster. No documentation: it would take the place of that of the program.
#[derive(Debug, Args)]
pub(crate) struct Kubectl {
    // Before the verb too, as kubectl takes them.
    #[command(flatten)]
    reach: Reach,

    #[command(subcommand)]
    verb: KubectlVerb,
}

#[derive(Debug, Subcommand)]
enum KubectlVerb {
    Status(Status),
    Now(Now),
    /// Keep a snapshot whatever retention says, and whatever is deleted
    Pin(Pin),
    /// Let a pinned snapshot go as any other
    Unpin(Pin),
    Drill(Drill),
}

/// What it is for.
pub(crate) const ABOUT: &str = "Ask the operator of a Kubernetes cluster how old the last good backup is, take one now, pin one, or drill";

/// Shown below the help of the verb.
pub(crate) const HELP: &str = "\
Under the name kubectl-etcd_backup, in the PATH, this binary is a plugin of kubectl with these verbs:
  ln -s \"$(command -v etcd-backup)\" /usr/local/bin/kubectl-etcd_backup
  kubectl etcd-backup status -A";

/// Shown below the help of the plugin.
pub(crate) const RIGHTS: &str = "\
Kubernetes' own role view is enough for status, and edit for the others: the ClusterRoles etcdbackup-view,
etcdsnapshot-view, etcdbackup-edit and etcdsnapshot-edit are part of them.";

pub(crate) fn run(kubectl: &Kubectl, format: Option<Format>) -> Result<(), Failure> {
    runtime()?.block_on(async {
        let reach = &kubectl.reach;
        match &kubectl.verb {
            KubectlVerb::Status(status) => status::run(status, reach, format).await,
            KubectlVerb::Now(now) => now::run(now, reach).await,
            KubectlVerb::Pin(pin) => pin::run(pin, reach, true).await,
            KubectlVerb::Unpin(pin) => pin::run(pin, reach, false).await,
            KubectlVerb::Drill(drill) => drill::run(drill, reach).await,
        }
    })
}
