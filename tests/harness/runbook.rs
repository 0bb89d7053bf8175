//! The commands of documents, as they stand there.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use tokio::{process::Command, time::timeout};

use crate::{binaries, versitygw::Versitygw};

/// The most commands that a person at three in the morning should have to type.
const AT_MOST: usize = 5;

/// The commands of one section of a document, which is named from the root of a checkout.
pub fn block(document: &str, section: &str) -> Result<String> {
    let text =
        fs::read_to_string(binaries::root().join(document)).with_context(|| format!("read {document}"))?;
    let marker = format!("<!-- test: {section} -->\n```sh\n");
    let (_, behind) = text
        .split_once(&marker)
        .with_context(|| format!("no commands are marked as {section} in {document}"))?;
    let (found, _) = behind.split_once("```").context("the commands do not end")?;
    Ok(found.to_owned())
}

/// The commands for one disaster, in the blocks in which they are to be pasted: one after the other, or each on all machines
/// before the next.
pub fn blocks<const N: usize>(sections: [&str; N]) -> Result<[String; N]> {
    let mut commands = 0;
    let mut blocks = [const { String::new() }; N];
    for (section, found) in sections.iter().zip(&mut blocks) {
        *found = block("docs/disaster-recovery.md", section)?;
        commands += found.lines().count();
    }
    ensure!(
        (1..=AT_MOST).contains(&commands),
        "{commands} commands are too many"
    );
    Ok(blocks)
}

/// A shell in the root of a checkout that finds our program and kubectl, and has the environment which the document says to set.
#[derive(Debug)]
pub struct Shell {
    path: String,
    environment: Vec<(String, String)>,
    /// What stands in the document, and what it is here.
    names: Vec<(String, String)>,
}

impl Shell {
    /// With nothing of its own in the environment.
    pub fn plain() -> Result<Self> {
        let program = binaries::etcd_backup()?;
        let mut folders: Vec<PathBuf> = vec![program.parent().context("a folder")?.to_owned()];
        folders.push(
            binaries::tool("kubernetes", "kubectl")?
                .parent()
                .context("a folder")?
                .to_owned(),
        );
        let system = std::env::var("PATH").unwrap_or_default();
        let ours: Vec<String> = folders
            .iter()
            .map(|folder| folder.to_string_lossy().into_owned())
            .collect();
        Ok(Self {
            path: format!("{}:{system}", ours.join(":")),
            environment: Vec::new(),
            names: Vec::new(),
        })
    }

    /// With this server, whose certificate was signed by `authority` if it has one.
    pub fn new(s3: &Versitygw, authority: Option<&Path>) -> Result<Self> {
        let shell = Self::plain()?
            .environment("AWS_ACCESS_KEY_ID", &s3.access_key)
            .environment("AWS_SECRET_ACCESS_KEY", &s3.secret_key)
            .environment("AWS_REGION", Versitygw::REGION)
            .environment("AWS_ENDPOINT_URL", &s3.endpoint);
        Ok(match authority {
            Some(authority) => shell.environment("AWS_CA_BUNDLE", authority.to_str().context("a path")?),
            None => shell,
        })
    }

    /// With more programs, which are found before others of their names.
    #[must_use]
    pub fn tools(mut self, folder: &Path) -> Self {
        self.path = format!("{}:{}", folder.display(), self.path);
        self
    }

    /// With one more variable.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// What the document calls `there` is `here`.
    #[must_use]
    pub fn name(mut self, there: &str, here: &str) -> Self {
        self.names.push((there.to_owned(), here.to_owned()));
        self
    }

    /// The commands with the names of this place.
    pub fn here(&self, command: &str) -> String {
        // Longest first: a path may begin with another one.
        let mut names: Vec<_> = self.names.iter().collect();
        names.sort_by_key(|(there, _)| std::cmp::Reverse(there.len()));
        names.into_iter().fold(command.to_owned(), |text, (there, here)| {
            text.replace(there, here)
        })
    }

    /// Runs a command or a whole block; every command of it must succeed.
    pub async fn run(&self, command: &str) -> Result<String> {
        let command = self.here(command);
        let mut shell = Command::new("sh");
        shell
            .args(["-ec", &command])
            .env("PATH", &self.path)
            .current_dir(binaries::root())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        for (name, _) in std::env::vars() {
            if name.starts_with("ETCD") || name.starts_with("AWS_") {
                shell.env_remove(name);
            }
        }
        shell.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let output = timeout(Duration::from_mins(3), shell.output())
            .await
            .with_context(|| format!("{command} does not end"))??;
        ensure!(
            output.status.success(),
            "{command} ended with {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?)
    }
}
