//! A pod's one container as a process: its own command, arguments and environment, with every mount as a directory.
//!
//! A process sees the machine's root and not the pod's, so the paths in its task are turned into those of the directories,
//! and it is told where its Secrets are and where its termination message goes.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use harness::{binaries, process::Process, scratch};
use k8s_openapi::api::core::v1::{PodSpec, Secret, SecretVolumeSource, Volume};
use kube::Api;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::disk::Disk;

/// The variable with the task.
const TASK: &str = "ETCD_BACKUP_TASK";

/// A running container; killed when dropped.
#[derive(Debug)]
pub(in crate::operator) struct Container {
    pub(in crate::operator) process: Process,
    folder: TempDir,
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::operator) struct Ended {
    pub(in crate::operator) code: i32,
    /// Its termination message.
    pub(in crate::operator) message: String,
}

impl Ended {
    /// The word for what came of it: `Prepared`, `Committed`, `Discarded`, or why it failed.
    pub(in crate::operator) fn word(&self) -> String {
        let result: Value = serde_json::from_str(&self.message).unwrap_or_default();
        let field = if result["result"] == "Failed" {
            "reason"
        } else {
            "result"
        };
        result[field].as_str().unwrap_or_default().to_owned()
    }
}

impl Container {
    /// Starts it. `step` replaces the step that its Job is for.
    pub(in crate::operator) async fn start(
        pod: &PodSpec,
        step: Option<&str>,
        secrets: &Api<Secret>,
        disk: &Disk,
    ) -> Result<Self> {
        let folder = scratch::folder("pod")?;
        let [container] = &*pod.containers else {
            bail!("the pod has {} containers", pod.containers.len());
        };
        let mut mounts = Vec::new();
        for mount in container.volume_mounts.iter().flatten() {
            let volumes = pod.volumes.iter().flatten();
            let volume = volumes
                .clone()
                .find(|volume| volume.name == mount.name)
                .with_context(|| format!("no volume {}", mount.name))?;
            let mut path = place(volume, folder.path(), secrets, disk).await?;
            path.extend(&mount.sub_path);
            mounts.push((PathBuf::from(&mount.mount_path), path));
        }
        let mut command = Command::new(binaries::etcd_backup()?);
        command.env_clear().env("TMPDIR", folder.path());
        for variable in container.env.iter().flatten() {
            let value = variable.value.clone().unwrap_or_default();
            ensure!(variable.name == TASK, "an unknown variable {}", variable.name);
            command.env(&variable.name, mapped(&value, &mounts)?);
        }
        let mut arguments = container.args.clone().context("no arguments")?;
        ensure!(arguments.len() >= 2 && arguments[0] == "agent", "{arguments:?}");
        if let Some(step) = step {
            arguments.truncate(2);
            arguments.push(step.to_owned());
        }
        command.args(arguments);
        command.arg("--secrets").arg(folder.path().join("secrets"));
        command.arg("--termination-log").arg(folder.path().join("result"));
        let log = disk
            .logs()?
            .join(folder.path().file_name().context("it has a name")?);
        let process = Process::start("agent", &mut command, &log)?;
        Ok(Self { process, folder })
    }

    /// How it ended, if it has.
    pub(in crate::operator) fn ended(&mut self) -> Option<Ended> {
        let status = self.process.ended()?;
        let code = status.code().or(status.signal().map(|signal| 128 + signal));
        Some(Ended {
            code: code.unwrap_or(255),
            message: fs::read_to_string(self.folder.path().join("result")).unwrap_or_default(),
        })
    }
}

/// The directory that a volume is.
async fn place(volume: &Volume, pod: &Path, secrets: &Api<Secret>, disk: &Disk) -> Result<PathBuf> {
    if let Some(claim) = &volume.persistent_volume_claim {
        let path = disk.claim(&claim.claim_name);
        fs::create_dir_all(&path).context("provision a volume")?;
        return Ok(path);
    }
    if let Some(host) = &volume.host_path {
        return Ok(disk.directory("node", &host.path));
    }
    if let Some(source) = &volume.secret {
        return mount_secret(source, pod, secrets).await;
    }
    ensure!(volume.empty_dir.is_some(), "an unknown volume {volume:?}");
    let path = pod.join(&volume.name);
    fs::create_dir_all(&path).context("make an empty directory")?;
    Ok(path)
}

async fn mount_secret(source: &SecretVolumeSource, pod: &Path, secrets: &Api<Secret>) -> Result<PathBuf> {
    let name = source.secret_name.as_deref().context("a Secret without a name")?;
    let secret = secrets
        .get_opt(name)
        .await
        .with_context(|| format!("the Secret {name}"))?;
    ensure!(
        secret.is_some() || source.optional == Some(true),
        "no Secret {name}"
    );
    let folder = pod.join("secrets").join(name);
    fs::create_dir_all(&folder).context("mount a Secret")?;
    for (key, value) in secret.and_then(|secret| secret.data).unwrap_or_default() {
        let wanted = source
            .items
            .as_ref()
            .is_none_or(|items| items.iter().any(|item| item.key == key));
        if wanted {
            fs::write(folder.join(key), value.0).context("write a key of a Secret")?;
        }
    }
    Ok(folder)
}

/// A task with the paths of this machine.
fn mapped(task: &str, mounts: &[(PathBuf, PathBuf)]) -> Result<String> {
    let mut task: Value = serde_json::from_str(task).context("the task is no JSON")?;
    for pointer in [
        "/dataDir",
        "/scratch",
        "/source/storage/local/path",
        "/plan/spec/storage/local/path",
    ] {
        if let Some(field) = task.pointer_mut(pointer)
            && let Some(path) = field.as_str().map(Path::new)
        {
            let real = mounts
                .iter()
                .find_map(|(mount, real)| Some(real.join(path.strip_prefix(mount).ok()?)))
                .with_context(|| format!("nothing is mounted at {}", path.display()))?;
            // Joined with nothing, a path ends in a slash.
            *field = json!(real.components().collect::<PathBuf>());
        }
    }
    Ok(task.to_string())
}
