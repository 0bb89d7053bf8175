//! Private keys, read from files only: a command line is seen by everyone on the machine.

use std::{fs, path::PathBuf};

use clap::Args;
use etcd_backup_backup::read::Identities;

use crate::{
    exit::{Exit, Failure},
    path::path,
};

/// The private keys that decrypt a backup.
#[derive(Debug, Args)]
#[command(next_help_heading = "Encryption")]
pub(crate) struct IdentityFlags {
    /// File of age identities (private keys), as age-keygen writes it, for an encrypted backup
    #[arg(
        short = 'i',
        long = "age-identity",
        env = "ETCD_BACKUP_AGE_IDENTITY",
        value_parser = path(),
        value_name = "FILE"
    )]
    age_identity: Option<PathBuf>,
}

impl IdentityFlags {
    /// Reads the file, if one is given.
    pub(crate) fn read(&self) -> Result<Option<Identities>, Failure> {
        let given = self.age_identity.as_ref();
        let Some(path) = given.filter(|path| !path.as_os_str().is_empty()) else {
            return Ok(None);
        };
        let name = path.display();
        let bytes = fs::read(path)
            .map_err(|error| Failure::new(Exit::Usage, format!("cannot read {name}: {error}")))?;
        // What is no text is no key, and told so.
        Identities::parse(&String::from_utf8_lossy(&bytes))
            .map(Some)
            .map_err(|error| Failure::new(Exit::Usage, format!("{name}: {error}")))
    }
}
