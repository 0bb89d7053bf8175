//! One restore from beginning to end.

mod build;
mod members;
mod proving;
mod told;

use std::sync::Arc;

use build::Built;

use super::cluster::Cluster;
use super::control::{Control, Step};
use super::error::RestoreError;
use super::member::Job;
use super::outcome::{Restored, Warning};
use super::place::{Place, Purpose};
use super::request::{Request, Source};
use super::shared::{Reader, Shared};
use super::space;

/// A restore under way.
pub(super) struct Run<'a> {
    request: &'a Request,
    control: Control<'a>,
    cluster: Cluster,
    jobs: Vec<Job>,
    warnings: Vec<Warning>,
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
            if log.is_some_and(|log| data.is_around(log)) {
                return Err(RestoreError::Request(LOG_IN_DATA));
            }
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
            Source::File(file) => {
                let shared = Arc::new(Shared::new(file).map_err(RestoreError::ReadSource)?);
                Ok((self.open(Reader::of(&shared))?, shared))
            }
            Source::Reader(reader) => Err(reader),
        };
        let size = opened
            .as_ref()
            .map_or(self.request.expected.size, |(opened, _)| Some(opened.extent.file));
        space::check(&self.jobs, size, opened.is_err())?;
        self.control.reached(Step::Begin)?;
        let outcome = self.stage().and_then(|()| match opened {
            Ok((opened, shared)) => self.while_proving(&shared, || self.finish(self.build(opened)?)),
            Err(reader) => self.finish(self.receive_and_build(reader)?),
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

    /// Makes of the database all that can be made before anything is put in place.
    fn finish(&self, built: Built) -> Result<Built, RestoreError> {
        self.control.reached(Step::Built)?;
        self.finish_members(built.content)?;
        Ok(built)
    }

    fn stage(&mut self) -> Result<(), RestoreError> {
        self.jobs.iter_mut().try_for_each(Job::stage)?;
        Ok(self.control.reached(Step::Staged)?)
    }

    fn first(&self) -> Result<&Job, RestoreError> {
        self.jobs
            .first()
            .ok_or(RestoreError::Request("no member to restore was named"))
    }
}

/// The data directory is renamed whole, and what is at its place before is another one.
const LOG_IN_DATA: &str = "the log's directory lies in the data directory, and cannot be put in place beside it: restore without \
     naming it, then move `member/wal` of what was restored there";

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
