//! The members' directories: completed, proved, and put in place.

use std::path::PathBuf;
use std::thread;

use super::Run;
use crate::restore::check::{Files, check};
use crate::restore::control::{Stage, Step};
use crate::restore::error::RestoreError;
use crate::restore::member::{Job, copy_database};
use crate::restore::output::Content;
use crate::restore::place::{Place, commit, take_back};

impl Run<'_> {
    /// Makes every member's directory complete, brings it to the disk and reads it back.
    pub(super) fn finish_members(&self, content: Content) -> Result<(), RestoreError> {
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
    pub(super) fn place(&self) -> Result<Vec<Vec<PathBuf>>, RestoreError> {
        self.control.tell(Stage::Placing, 0, None);
        // All of them before the first is touched: a log directory of its own does not say whether etcd runs on it.
        let mut places = self.jobs.iter().flat_map(Job::places);
        places.try_for_each(Place::refuse_if_in_use)?;
        let mut done = Vec::new();
        for (index, job) in self.jobs.iter().enumerate() {
            for place in job.places() {
                match commit(place, index, &self.control) {
                    Ok(undo) => done.push((index, undo)),
                    Err(error @ RestoreError::Stopped(_)) => return Err(error),
                    Err(error) => {
                        let undos = done.into_iter().map(|(_, undo)| undo);
                        return Err(take_back(undos, error, &self.control));
                    }
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
}
