//! What a kill left.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};

use crate::restore::program::same;

/// What a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Absent,
    Old,
    New,
}

/// Everything in the folder that members were restored into.
#[derive(Debug)]
pub(super) struct Left {
    /// By member.
    pub(super) states: Vec<State>,
    /// Unfinished directories.
    pub(super) restoring: Vec<PathBuf>,
    /// Directories that were about to change places, or just did.
    pub(super) swapping: Vec<PathBuf>,
    /// How often each member's old directory is there, under whatever name.
    old: Vec<usize>,
}

impl Left {
    /// Looks at everything. An error for what is neither whole nor has a name that says what it is.
    ///
    /// `models` are an old directory, and the folder with the new directories of all members.
    pub(super) fn look(folder: &Path, members: usize, models: &(PathBuf, PathBuf)) -> Result<Self> {
        let mut left = Self {
            states: vec![State::Absent; members],
            restoring: Vec::new(),
            swapping: Vec::new(),
            old: vec![0; members],
        };
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            left.add(&path, models)
                .with_context(|| format!("{} was left", path.display()))?;
        }
        Ok(left)
    }

    fn add(&mut self, path: &Path, (old, new): &(PathBuf, PathBuf)) -> Result<()> {
        let name = path.file_name().context("a name")?.to_string_lossy();
        let (member, rest) = name.split_once(".etcd").context("it is no member's")?;
        let member: usize = member.trim_start_matches('m').parse()?;
        let state = || {
            if same(path, old)? {
                return Ok(State::Old);
            }
            let whole = same(path, &new.join(format!("m{member}.etcd")))?;
            ensure!(whole, "it is neither wholly old nor wholly new");
            Ok(State::New)
        };
        let found = if rest.is_empty() {
            self.states[member] = state()?;
            self.states[member]
        } else if is(rest, ".restoring-") {
            self.restoring.push(path.to_owned());
            return Ok(());
        } else if is(rest, ".swapping-") {
            self.swapping.push(path.to_owned());
            state()?
        } else if rest.starts_with(".replaced-") {
            state()?
        } else {
            bail!("no document names it")
        };
        self.old[member] += usize::from(found == State::Old);
        Ok(())
    }

    /// What holds after every kill.
    pub(super) fn check(&self, replace: bool) -> Result<()> {
        for (member, state) in self.states.iter().enumerate() {
            ensure!(
                !replace || *state != State::Absent,
                "nothing is in the place of member {member}: {self:?}"
            );
            ensure!(
                self.old[member] == usize::from(replace),
                "the old directory of member {member} is there {} times: {self:?}",
                self.old[member]
            );
        }
        Ok(())
    }
}

/// A name that goes on with 16 hexadecimal digits.
fn is(rest: &str, infix: &str) -> bool {
    rest.strip_prefix(infix)
        .is_some_and(|digits| digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}
