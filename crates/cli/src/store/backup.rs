//! A backup that is to be read, and a snapshot as a plain file wherever it is.

use std::{
    env,
    io::{self, Seek},
};

use clap::Args;
use etcd_backup_backup::{layout::Location, read::Identities};
use etcd_backup_snapshot::{
    VerifyError,
    inspect::{InspectError, Limits, Snapshot},
};

use super::{Address, Choose, Chosen, IdentityFlags, Source, StoreFlags, plain};
use crate::exit::{Exit, Failure};

/// Which backup is meant, and how to come by it.
#[derive(Debug, Args)]
pub(crate) struct BackupFlags {
    #[command(flatten)]
    choose: Choose,

    #[command(flatten)]
    identity: IdentityFlags,

    #[command(flatten)]
    reach: StoreFlags,
}

impl BackupFlags {
    /// Finds the backup, and reads the private keys for it.
    pub(crate) async fn find(
        &self,
        store: &Address,
        location: Option<&Location>,
    ) -> Result<(Chosen, Option<Identities>), Failure> {
        let identities = self.identity.read()?;
        let chosen = self.choose.open(&self.reach, store, location).await?;
        Ok((chosen, identities))
    }

    /// Opens what is to be looked into. A backup is fetched and proved first, into a file without a name, which the system removes with the
    /// process; TMPDIR says where.
    pub(crate) async fn look_into(&self, source: &Source) -> Result<Snapshot, Failure> {
        let (file, name) = match source {
            Source::Stdin => {
                return Err(plain::once("standard input"));
            }
            Source::File(path) => (plain::open_to_look_into(path)?, path.display().to_string()),
            Source::Backup { store, location } => {
                let (chosen, identities) = self.find(store, location.as_ref()).await?;
                let cannot =
                    |error: &io::Error| no_temporary_file(error, chosen.entry.manifest.snapshot.size);
                let mut file = tempfile::tempfile().map_err(|error| cannot(&error))?;
                chosen.prove_into(identities.as_ref(), &mut file, cannot).await?;
                file.rewind().map_err(|error| cannot(&error))?;
                (file, chosen.url())
            }
        };
        Snapshot::from_source(file, Limits::default()).map_err(|error| of_inspect(&name, &error))
    }
}

/// A backup that cannot be kept while it is looked into.
fn no_temporary_file(error: &io::Error, size: u64) -> Failure {
    let folder = env::temp_dir();
    Failure::storage(
        format!("cannot keep the snapshot in a file in {}", folder.display()),
        error,
    )
    .hint(format!(
        "let TMPDIR name a directory with room for its {size} bytes, or `etcd-backup fetch` it to a file first"
    ))
}

/// A snapshot that cannot be looked into.
pub(crate) fn of_inspect(name: &str, error: &InspectError) -> Failure {
    let exit = match error {
        InspectError::Snapshot(error @ VerifyError::Packed(_)) => return plain::packed(name, error),
        InspectError::Open(_) => Exit::Storage,
        InspectError::Compacted { .. } | InspectError::Future { .. } => Exit::Usage,
        _ => Exit::Unsound,
    };
    Failure::new(exit, format!("{name}: {error}"))
}
