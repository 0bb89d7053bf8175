//! The program, killed while it restores, by a real SIGKILL: afterwards each directory is wholly the old or wholly the new one,
//! nothing old is lost, what lies beside it is what the documents say, and a second run succeeds.

mod left;
mod moment;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use harness::{process::Process, scratch, wait};
use left::{Left, State};
use moment::{MOMENTS, Moment, Sight, inode};
use tempfile::TempDir;
use tokio::time::timeout;

use super::program::{large_snapshot, old_directory, program};

/// Longer than any restore here takes.
const SOON: Duration = Duration::from_mins(1);

/// Where the snapshot comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    File,
    /// It comes but once, so it is kept beside the target meanwhile.
    Stdin,
}

/// What is killed.
#[derive(Debug, Clone, Copy)]
struct Case {
    from: From,
    members: usize,
    replace: bool,
}

/// A snapshot, and what becomes of it when nobody interferes.
struct World {
    folder: TempDir,
    snapshot: PathBuf,
}

impl World {
    async fn new() -> Result<Self> {
        let folder = scratch::folder("killed")?;
        let snapshot = large_snapshot(folder.path()).await?;
        fs::create_dir(folder.path().join("whole"))?;
        old_directory(&folder.path().join("old"))?;
        Ok(Self { folder, snapshot })
    }

    /// The directories of members when they are as they were, and as they should be.
    fn models(&self) -> (PathBuf, PathBuf) {
        (self.folder.path().join("old"), self.folder.path().join("whole"))
    }

    /// A restore of these members into a folder.
    fn restore(&self, case: Case, folder: &Path, members: &[usize]) -> Result<Command> {
        let program = program()?;
        let mut command = Command::new("sh");
        // In place of the shell, so that what is killed is the program itself.
        command.args(["-c", "source=$1; shift; exec \"$@\" <\"$source\"", "sh"]);
        command.arg(&self.snapshot).arg(program.get_program());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.arg("restore");
        match case.from {
            From::File => command.arg(&self.snapshot),
            From::Stdin => command.arg("-"),
        };
        let cluster: Vec<_> = (0..case.members)
            .map(|member| format!("m{member}=http://127.0.0.1:238{member}"))
            .collect();
        command.args(["--initial-cluster", &cluster.join(",")]);
        // The same for every run, so that every run writes the same.
        command.args(["--initial-cluster-token", "killed"]);
        for member in members {
            let place = place(folder, *member);
            command
                .arg("--member")
                .arg(format!("m{member}={}", place.display()));
        }
        if case.replace {
            command.arg("--replace");
        }
        Ok(command)
    }

    /// Restores without interference, as what every other run is compared with; says how long that took.
    async fn whole(&self, case: Case) -> Result<Duration> {
        let folder = self.models().1;
        fs::remove_dir_all(&folder)?;
        fs::create_dir(&folder)?;
        let members: Vec<_> = (0..case.members).collect();
        let begun = Instant::now();
        self.run(self.restore(case, &folder, &members)?, true).await?;
        Ok(begun.elapsed())
    }

    /// One run that is killed, and one after it. Says what the kill left of the first member.
    async fn round(&self, case: Case, moment: Moment, whole: Duration) -> Result<State> {
        let folder = scratch::folder("round")?;
        let members: Vec<_> = (0..case.members).collect();
        for member in members.iter().filter(|_| case.replace) {
            old_directory(&place(folder.path(), *member))?;
        }
        self.kill(case, moment, whole, folder.path())?;
        let left = Left::look(folder.path(), case.members, &self.models())?;
        left.check(case.replace)?;
        let unfinished: Vec<_> = members
            .iter()
            .copied()
            .filter(|member| case.replace || left.states[*member] == State::Absent)
            .collect();
        if unfinished.is_empty() {
            // There is nothing to do, and the program says so.
            let again = self.restore(case, folder.path(), &members)?;
            let said = self.run(again, false).await?;
            ensure!(said.contains("is not empty"), "{said}");
        } else {
            // Two renames aside within one second would have the same name, which is refused.
            let said = wait::until_ok("a second run", SOON, async || {
                self.run(self.restore(case, folder.path(), &unfinished)?, true)
                    .await
            })
            .await?;
            for path in &left.swapping {
                let name = path.file_name().context("a name")?.to_string_lossy();
                ensure!(said.contains(&*name), "{name} is not named: {said}");
            }
        }
        let after = Left::look(folder.path(), case.members, &self.models())?;
        after.check(case.replace)?;
        ensure!(
            after.states.iter().all(|state| *state == State::New) && after.restoring.is_empty(),
            "after a second run: {after:?}"
        );
        Ok(left.states[0])
    }

    /// Runs until the moment has come, and kills it there.
    fn kill(&self, case: Case, moment: Moment, whole: Duration, folder: &Path) -> Result<()> {
        let members: Vec<_> = (0..case.members).collect();
        let place = place(folder, 0);
        let sight = Sight {
            folder,
            place: &place,
            inode: inode(&place),
            begun: Instant::now(),
            whole,
        };
        let log = self.folder.path().join("log");
        let mut process = Process::start("restore", &mut self.restore(case, folder, &members)?, &log)?;
        while !moment.has_come(&sight) {
            if let Some(status) = process.ended() {
                // Too quick for us, which is as good an end as any.
                ensure!(status.success(), "it failed by itself");
                break;
            }
            ensure!(sight.begun.elapsed() < SOON, "{moment:?} never comes");
            std::thread::yield_now();
        }
        process.kill()
    }

    /// Runs to the end; gives what was said.
    async fn run(&self, command: Command, well: bool) -> Result<String> {
        let mut command = tokio::process::Command::from(command);
        let output = timeout(SOON, command.kill_on_drop(true).output());
        let output = output.await.context("a restore does not end")??;
        let said = String::from_utf8(output.stderr)?;
        ensure!(
            output.status.success() == well,
            "it ended with {}: {said}",
            output.status
        );
        Ok(said)
    }
}

/// Where a member's directory goes.
fn place(folder: &Path, member: usize) -> PathBuf {
    folder.join(format!("m{member}.etcd"))
}

#[tokio::test]
async fn a_restore_that_is_killed_leaves_each_directory_wholly_old_or_wholly_new_and_can_be_repeated()
-> Result<()> {
    let world = World::new().await?;
    for case in [
        Case {
            from: From::File,
            members: 1,
            replace: false,
        },
        Case {
            from: From::File,
            members: 2,
            replace: true,
        },
        Case {
            from: From::Stdin,
            members: 1,
            replace: true,
        },
    ] {
        let whole = world
            .whole(Case {
                replace: false,
                ..case
            })
            .await?;
        let mut seen = Vec::new();
        for moment in MOMENTS {
            if matches!(moment, Moment::SetAside) && !case.replace {
                continue;
            }
            let state = world.round(case, moment, whole).await;
            seen.push(state.with_context(|| format!("{case:?}, killed at {moment:?}"))?);
        }
        // Else the kills were all too early, or all too late.
        let before = if case.replace { State::Old } else { State::Absent };
        ensure!(
            seen.contains(&before) && seen.contains(&State::New),
            "{case:?}: {seen:?}"
        );
    }
    Ok(())
}
