//! One restore from beginning to end.

use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use etcd_backup_bolt::walk::Bolt;

use super::check::{Files, check};
use super::cluster::Cluster;
use super::control::{Control, Stage, Step};
use super::error::RestoreError;
use super::member::{DATABASE, Job, copy_database};
use super::outcome::{Restored, RestoredMember, Warning};
use super::output::Content;
use super::place::{Place, Purpose, Undo, commit, take_back};
use super::request::{Request, Source};
use super::rewrite::{Plan, Rewritten, rewrite};
use super::settings::{Revisions, Settings};
use super::sink::write_database;
use super::source::{Extent, differs, prove, receive};
use super::space;

/// A restore under way.
pub(super) struct Run<'a> {
    request: &'a Request,
    control: Control<'a>,
    cluster: Cluster,
    jobs: Vec<Job>,
    warnings: Vec<Warning>,
}

/// What was read and built.
struct Built {
    settings: Settings,
    revisions: Revisions,
    rewritten: Rewritten,
    content: Content,
}

/// A snapshot's database, opened, and what it says of itself.
struct Opened {
    file: File,
    bolt: Bolt<File>,
    extent: Extent,
    settings: Settings,
    revisions: Revisions,
}

impl<'a> Run<'a> {
    /// Looks at everything that the request names, without touching anything.
    pub(super) fn prepare(request: &'a Request, control: Control<'a>) -> Result<Self, RestoreError> {
        let cluster = Cluster::new(&request.cluster, &request.token())?;
        let suffix = suffix(request);
        let mut jobs = Vec::new();
        for target in &request.targets {
            request.cluster.urls(&target.name)?;
            let unknown = RestoreError::Internal("a member without an id");
            let place = |directory, purpose| Place::prepare(directory, purpose, request, &suffix);
            let member = cluster.member(&target.name).ok_or(unknown)?.clone();
            let data = place(&target.data_dir, Purpose::Data)?;
            let log = target.wal_dir.as_deref();
            let log = log.map(|directory| place(directory, Purpose::Log)).transpose()?;
            jobs.push(Job::new(member, data, log));
        }
        check_apart(&jobs)?;
        let warnings = jobs.iter().flat_map(Job::places).flat_map(Place::leftovers);
        let warnings = warnings.map(|path| Warning::Leftover { path: path.clone() });
        Ok(Self {
            warnings: warnings.collect(),
            request,
            control,
            cluster,
            jobs,
        })
    }

    /// Builds, checks, and puts in place. Cleans up when it fails.
    pub(super) fn go(mut self, source: Source<'_>) -> Result<Restored, RestoreError> {
        let opened = match source {
            Source::File(file) => Ok(self.open(file)?),
            Source::Reader(reader) => Err(reader),
        };
        let size = opened
            .as_ref()
            .map_or(self.request.expected.size, |opened| Some(opened.extent.file));
        space::check(&self.jobs, size, opened.is_err())?;
        self.control.reached(Step::Begin)?;
        let outcome = self.stage().and_then(|()| {
            let built = match opened {
                Ok(opened) => self.build(opened)?,
                Err(reader) => self.receive_and_build(reader)?,
            };
            self.control.reached(Step::Built)?;
            self.finish_members(built.content)?;
            Ok(built)
        });
        let outcome = outcome.and_then(|built| Ok((built, self.place()?)));
        match outcome {
            Ok((built, replaced)) => Ok(self.restored(built, replaced)),
            Err(error @ RestoreError::Stopped(_)) => Err(error),
            Err(error) => {
                self.jobs.iter().flat_map(Job::places).for_each(Place::abandon);
                Err(error)
            }
        }
    }

    fn stage(&mut self) -> Result<(), RestoreError> {
        self.jobs.iter_mut().try_for_each(Job::stage)?;
        Ok(self.control.reached(Step::Staged)?)
    }

    /// Reads what the snapshot says of itself, and refuses what can be refused at once.
    fn open(&self, file: File) -> Result<Opened, RestoreError> {
        let again = file.try_clone().map_err(RestoreError::ReadSource)?;
        let bolt = Bolt::open(again, etcd_backup_bolt::Limits::default())?;
        let length = file.metadata().map_err(RestoreError::ReadSource)?.len();
        let extent = Extent {
            database: bolt.meta().database_bytes(),
            file: length,
        };
        extent.check(self.request)?;
        let settings = Settings::read(&bolt)?;
        let revisions = settings.revisions(self.request)?;
        settings.check_version(self.request.target_version)?;
        Ok(Opened {
            file,
            bolt,
            extent,
            settings,
            revisions,
        })
    }

    fn receive_and_build(&self, reader: Box<dyn std::io::Read + Send + '_>) -> Result<Built, RestoreError> {
        let first = self.first()?;
        let (directory, name) = (first.data.built()?, "snapshot.received");
        let file = receive(reader, directory, name, self.request, &self.control)?;
        let built = self.build(self.open(file)?)?;
        directory.remove(name)?;
        Ok(built)
    }

    /// Proves the source and writes the first member's database from it, at the same time.
    fn build(&self, opened: Opened) -> Result<Built, RestoreError> {
        let Opened {
            file,
            bolt,
            extent,
            settings,
            revisions,
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
        let halted = AtomicBool::new(false);
        let (proved, written) = thread::scope(|scope| {
            let proving = scope.spawn(|| prove(&file, extent, self.request, &halted));
            let written = write_database(directory, DATABASE, page_size, |output| {
                rewrite(&bolt, plan, output, &self.control)
            });
            // A damaged snapshot is better told by its checksum; anything else needs no more of it.
            let damaged = matches!(written, Err(RestoreError::Snapshot(_)));
            halted.store(written.is_err() && !damaged, Ordering::Relaxed);
            let died = Err(RestoreError::Internal("the thread that hashes died"));
            (proving.join().unwrap_or(died), written)
        });
        let (rewritten, content) = match proved {
            // It was told to stop, for a reason of the builder's.
            Ok(()) | Err(RestoreError::Cancelled) => written?,
            Err(error) => return Err(error),
        };
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

    /// Makes every member's directory complete, brings it to the disk and reads it back.
    fn finish_members(&self, content: Content) -> Result<(), RestoreError> {
        let first = self.first()?.snap_dir()?;
        for (index, job) in self.jobs.iter().enumerate() {
            if index > 0 {
                copy_database(first, job.snap_dir()?, &self.control)?;
            }
            job.write_raft(&self.cluster)?;
            self.control.reached(Step::MemberWritten(index))?;
            self.control.tell(Stage::Checking, 0, None);
            let files = Files {
                snap: job.snap_dir()?,
                log: job.log_dir()?,
            };
            // The disk works while what is in memory is read.
            let (settled, checked) = thread::scope(|scope| {
                let settling = scope.spawn(|| job.places().try_for_each(Place::settle));
                let checked = check(files, &self.cluster, &job.member, content);
                let died = Err(RestoreError::Internal("the thread that syncs died"));
                (settling.join().unwrap_or(died), checked)
            });
            settled.and(checked)?;
            self.control.reached(Step::MemberChecked(index))?;
            if self.control.is_cancelled() {
                return Err(RestoreError::Cancelled);
            }
        }
        Ok(())
    }

    /// Puts all directories in place, or none. Says for each member where what was there before is.
    fn place(&self) -> Result<Vec<Vec<PathBuf>>, RestoreError> {
        self.control.tell(Stage::Placing, 0, None);
        let mut done = Vec::new();
        for (index, job) in self.jobs.iter().enumerate() {
            for place in job.places() {
                match commit(place, index, &self.control) {
                    Ok(undo) => done.push((index, undo)),
                    Err(error @ RestoreError::Stopped(_)) => return Err(error),
                    Err(error) => return Err(take_back(done.into_iter().map(|(_, undo)| undo), error)),
                }
            }
            self.control.reached(Step::Placed(index))?;
        }
        let of = |member| {
            let its = done.iter().filter(move |(index, _)| *index == member);
            its.filter_map(|(_, undo)| undo.aside()).collect()
        };
        Ok((0..self.jobs.len()).map(of).collect())
    }

    fn first(&self) -> Result<&Job, RestoreError> {
        self.jobs
            .first()
            .ok_or(RestoreError::Request("no member to restore was named"))
    }

    fn restored(self, built: Built, replaced: Vec<Vec<PathBuf>>) -> Restored {
        let Built {
            settings,
            revisions,
            rewritten,
            ..
        } = built;
        let raised = revisions.raised;
        let members = self.request.targets.iter().zip(&self.jobs).zip(replaced);
        let members = members.map(|((target, job), replaced)| RestoredMember {
            name: job.member.name.clone(),
            id: job.member.id,
            data_dir: target.data_dir.clone(),
            wal_dir: target.wal_dir.clone(),
            replaced,
        });
        let mut warnings = self.warnings;
        warnings.extend(settings.warnings(self.request));
        if rewritten.corrupt_alarm_kept {
            warnings.push(Warning::CorruptAlarm);
        }
        if rewritten.leases_made > 0 {
            warnings.push(Warning::LeasesMade {
                count: rewritten.leases_made,
                ttl: self.request.missing_lease_ttl,
            });
        }
        if rewritten.hash.is_none() {
            warnings.push(Warning::HashKvUnknown);
        }
        let kept = revisions.until.unwrap_or(settings.revision());
        Restored {
            revision: raised.unwrap_or(kept),
            hash_kv: rewritten.hash,
            members: members.collect(),
            cluster_id: self.cluster.id,
            token: self.request.token(),
            bumped_by: if raised.is_some() {
                self.request.bump_revision
            } else {
                0
            },
            left_out: rewritten.left_out,
            warnings,
        }
    }
}

/// What names of temporary directories end in.
fn suffix(request: &Request) -> String {
    let bytes = request.random.first_chunk::<8>().copied().unwrap_or_default();
    hex::encode(bytes)
}

/// Refuses members or places named twice, and places inside each other.
fn check_apart(jobs: &[Job]) -> Result<(), RestoreError> {
    let mut names: Vec<&str> = jobs.iter().map(|job| job.member.name.as_str()).collect();
    names.sort_unstable();
    if names
        .windows(2)
        .any(|pair| matches!(pair, [one, other] if one == other))
    {
        return Err(RestoreError::Request("a member is to be restored twice"));
    }
    let paths: Vec<_> = jobs.iter().flat_map(Job::places).map(Place::path).collect();
    for (index, path) in paths.iter().enumerate() {
        let others = paths.iter().enumerate().filter(|(other, _)| *other != index);
        for (_, other) in others {
            if path.starts_with(other) {
                return Err(RestoreError::Request(
                    "two of the directories are the same, or one lies in another",
                ));
            }
        }
    }
    if jobs.is_empty() {
        return Err(RestoreError::Request("no member to restore was named"));
    }
    Ok(())
}
