//! kubectl, as a user would run it.

use std::{
    io::Write,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use kube::Client;

use crate::{apiserver, binaries};

/// kubectl with one identity.
#[derive(Debug, Clone)]
pub struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
    plugins: Option<PathBuf>,
}

impl Kubectl {
    /// With the identity in a kubeconfig file. What kubectl caches goes beside that file.
    pub fn new(kubeconfig: &Path) -> Result<Self> {
        Ok(Self {
            program: binaries::tool("kubernetes", "kubectl")?,
            kubeconfig: kubeconfig.to_path_buf(),
            plugins: None,
        })
    }

    /// The same, which finds plugins in this folder.
    #[must_use]
    pub fn with_plugins(&self, folder: &Path) -> Self {
        Self {
            plugins: Some(folder.to_path_buf()),
            ..self.clone()
        }
    }

    /// A client with the same identity, for questions that are asked often.
    pub async fn client(&self) -> Result<Client> {
        apiserver::client(&self.kubeconfig).await
    }

    /// Runs it and gives what it prints.
    pub fn run<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Result<String> {
        self.run_with(arguments, "")
    }

    /// Creates what a manifest holds.
    pub fn create(&self, manifest: &str) -> Result<String> {
        self.run_with(&["create", "-f", "-"], manifest)
    }

    /// Applies a manifest.
    pub fn apply(&self, manifest: &str) -> Result<String> {
        self.run_with(&["apply", "-f", "-"], manifest)
    }

    fn run_with<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S], input: &str) -> Result<String> {
        let mut command = Command::new(&self.program);
        command.args(arguments).env("KUBECONFIG", &self.kubeconfig);
        command.env("KUBECACHEDIR", self.kubeconfig.with_extension("cache"));
        if let Some(plugins) = &self.plugins {
            command.env("PATH", plugins);
        }
        // It is over before it needs any memory back.
        command.env("GOGC", "off");
        // Ctrl-C is for whoever runs this, not for a kubectl in the middle of something.
        command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().context("start kubectl")?;
        if let Some(mut pipe) = child.stdin.take() {
            pipe.write_all(input.as_bytes())
                .context("hand kubectl its input")?;
        }
        let output = child.wait_with_output().context("wait for kubectl")?;
        if !output.status.success() {
            let words: Vec<_> = arguments
                .iter()
                .map(|word| word.as_ref().to_string_lossy())
                .collect();
            bail!(
                "kubectl {}: {}",
                words.join(" "),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        String::from_utf8(output.stdout).context("kubectl printed no text")
    }
}
