//! From the snapshot to the first member's database.

use std::io::Read;

use etcd_backup_bolt::walk::{Bolt, ReadAt};

use super::Run;
use crate::container::Container;
use crate::error::VerifyError;
use crate::restore::control::Stage;
use crate::restore::error::RestoreError;
use crate::restore::member::DATABASE;
use crate::restore::output::Content;
use crate::restore::rewrite::{Plan, Rewritten, rewrite};
use crate::restore::settings::{Revisions, Settings};
use crate::restore::sink::write_database;
use crate::restore::source::{Extent, differs, prove, receive};
use crate::restore::space;
use crate::restore::spool::Spool;

/// What was read and built.
pub(super) struct Built {
    pub(super) settings: Settings,
    pub(super) revisions: Revisions,
    pub(super) rewritten: Rewritten,
    pub(super) content: Content,
}

/// A snapshot's database, opened, and what it says of itself.
pub(super) struct Opened<R> {
    bolt: Bolt<R>,
    pub(super) extent: Extent,
    settings: Settings,
    revisions: Revisions,
}

impl Run<'_> {
    /// Reads what the snapshot says of itself, and refuses what can be refused at once.
    pub(super) fn open<R: ReadAt>(&self, source: R) -> Result<Opened<R>, RestoreError> {
        Container::refuse(&source).map_err(VerifyError::Packed)?;
        let length = source.size().map_err(RestoreError::ReadSource)?;
        let bolt = Bolt::open(source, etcd_backup_bolt::Limits::default())?;
        let extent = Extent {
            database: bolt.meta().database_bytes(),
            file: length,
        };
        extent.check(self.request)?;
        let settings = Settings::read(&bolt)?;
        let revisions = settings.revisions(self.request)?;
        settings.check_version(self.request.target_version)?;
        Ok(Opened {
            bolt,
            extent,
            settings,
            revisions,
        })
    }

    /// Keeps a source that comes but once, which proves it on the way, and builds from what was kept.
    pub(super) fn receive_and_build(&self, reader: Box<dyn Read + Send + '_>) -> Result<Built, RestoreError> {
        let first = self.first()?;
        let (directory, name) = (first.data.built()?, "snapshot.received");
        let mut spool = Spool::create(directory, name)?;
        if !spool.gives_back() {
            space::check_for_both(first.data.parent(), self.request.expected.size)?;
        }
        let hashes = receive(reader, &mut spool, self.request, &self.control)?;
        let opened = self.open(spool)?;
        prove(&hashes, self.request)?;
        let built = self.build(opened)?;
        directory.remove(name)?;
        Ok(built)
    }

    /// Writes the first member's database. The source may not be proved yet, so what comes of it must not be put in place.
    pub(super) fn build<R: ReadAt>(&self, opened: Opened<R>) -> Result<Built, RestoreError> {
        let Opened {
            bolt,
            extent,
            settings,
            revisions,
            ..
        } = opened;
        let plan = Plan {
            cluster: &self.cluster,
            revisions,
            compacted: settings.compaction.effective(),
            alarms: self.request.alarms,
            downgrade: settings.downgrade.as_deref(),
            missing_lease_ttl: self.request.missing_lease_ttl,
        };
        let directory = self.first()?.snap_dir()?;
        let page_size = bolt.meta().page_size;
        let (rewritten, content) = write_database(directory, DATABASE, page_size, |output| {
            rewrite(&bolt, plan, output, &self.control)
        })?;
        self.control
            .tell(Stage::Building, extent.database, Some(extent.database));
        self.compare_hash(&rewritten)?;
        Ok(Built {
            settings,
            revisions,
            rewritten,
            content,
        })
    }

    /// Holds the HashKV that the snapshot has against the one it should have.
    fn compare_hash(&self, rewritten: &Rewritten) -> Result<(), RestoreError> {
        match (self.request.expected.hash_kv, rewritten.source_hash) {
            (Some(expected), Some(found)) if expected != found => {
                let text = |hash: crate::HashKv| {
                    format!(
                        "{} at revision {} compacted to {}",
                        hash.hash, hash.revision, hash.compact_revision
                    )
                };
                Err(differs("HashKV", text(expected), text(found)))
            }
            _ => Ok(()),
        }
    }
}
