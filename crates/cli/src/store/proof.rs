//! Reading a backup and proving it on the way.

use std::io;

use etcd_backup_backup::read::{Identities, ProofError, ReadError, prove_snapshot};
use etcd_backup_snapshot::Report;

use super::{Chosen, failure::with_way_out};
use crate::{
    exit::{Exit, Failure},
    interrupt,
    progress::Progress,
};

impl Chosen {
    /// Reads the whole backup, gives `sink` the snapshot's bytes as they come, and proves that they are what etcd gave and
    /// what the manifest says. Shows how far it is; ends when interrupted.
    pub(crate) async fn prove(
        &self,
        identities: Option<&Identities>,
        mut sink: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<Report, Failure> {
        let manifest = &self.entry.manifest;
        let mut progress = Progress::start(manifest.snapshot.size);
        let mut done = 0;
        let proved = prove_snapshot(&self.store, manifest, identities, |bytes| {
            done += bytes.len() as u64;
            progress.at(done);
            sink(bytes)
        });
        let url = self.url();
        interrupt::unless(async { proved.await.map_err(|error| of_proof(&url, &error)) }).await
    }

    /// The same, and keeps the snapshot's bytes in `file`. Where that fails, `cannot` says so, and not the proof.
    pub(crate) async fn prove_into(
        &self,
        identities: Option<&Identities>,
        file: &mut impl io::Write,
        cannot: impl FnOnce(&io::Error) -> Failure,
    ) -> Result<Report, Failure> {
        let mut full = None;
        let proved = self
            .prove(identities, |bytes| {
                file.write_all(bytes).map_err(|error| {
                    let kind = error.kind();
                    full = Some(error);
                    kind.into()
                })
            })
            .await;
        full.map_or(proved, |error| Err(cannot(&error)))
    }
}

fn of_proof(url: &str, error: &ProofError) -> Failure {
    if let ProofError::Read(error) = error {
        return of_read(url, error);
    }
    if let ProofError::Store(store) = error {
        return with_way_out(Failure::about(url, Exit::Storage, error), store.reason());
    }
    let exit = if error.is_damage() {
        Exit::Unsound
    } else {
        Exit::Storage
    };
    hinted(Failure::about(url, exit, error), exit)
}

/// A backup that cannot be turned back into a snapshot.
pub(crate) fn of_read(url: &str, error: &ReadError) -> Failure {
    let exit = match error {
        ReadError::Damaged(_) => Exit::Unsound,
        ReadError::IdentityNeeded | ReadError::WrongIdentity => Exit::Usage,
        _ => Exit::Storage,
    };
    let failure = Failure::about(url, exit, error);
    match error {
        ReadError::Store(store) => with_way_out(failure, store.reason()),
        ReadError::IdentityNeeded => {
            failure.hint("give --age-identity FILE, the private key as age-keygen wrote it")
        }
        ReadError::WrongIdentity => failure.hint(
            "`etcd-backup show` names the public keys it was encrypted for: one of their private keys belongs into the file of --age-identity (`age-keygen -y FILE` prints a file's public keys)",
        ),
        _ => hinted(failure, exit),
    }
}

fn hinted(failure: Failure, exit: Exit) -> Failure {
    match exit {
        Exit::Unsound => {
            failure.hint("this backup cannot be restored: `etcd-backup list` shows which others there are")
        }
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_no_key_or_a_wrong_one_is_told_which_is_needed() {
        for (error, way_out) in [
            (ReadError::IdentityNeeded, "give --age-identity"),
            (ReadError::WrongIdentity, "age-keygen -y"),
        ] {
            let told = format!("{:?}", of_read("s3://b/k", &error));
            assert!(told.contains("Usage") && told.contains(way_out), "{told}");
        }
    }
}
