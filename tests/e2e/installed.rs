//! What `config/default` installs.

use std::{fs, time::Duration};

use anyhow::{Context, Result, bail, ensure};

use crate::world::{SYSTEM, World};

/// Both run, as the profile `restricted` demands: in the words of the API server, which enforces it in this namespace, and
/// in those of the kernel.
pub(crate) async fn both_replicas_are_ready(world: &'static World) -> Result<()> {
    world.rolled_out(Duration::from_mins(1))?;
    let replicas = [
        "get",
        "deployment",
        "etcd-backup-operator",
        "--namespace",
        SYSTEM,
        "--output",
    ];
    let ready = world
        .kubectl
        .run(&[&replicas[..], &["jsonpath={.status.readyReplicas}"]].concat())?;
    ensure!(ready == "2", "{ready} replicas are ready");

    let processes = of_program("etcd-backup")?;
    ensure!(processes.len() == 2, "{} processes run", processes.len());
    for status in processes {
        for (field, wanted) in [
            ("Uid", "65532"),
            ("Gid", "65532"),
            ("CapEff", "0000000000000000"),
            ("CapBnd", "0000000000000000"),
            ("NoNewPrivs", "1"),
            // A filter, by PR_GET_SECCOMP.
            ("Seccomp", "2"),
        ] {
            let found = value(&status, field)?;
            ensure!(found == wanted, "{field} of a replica is {found}");
        }
    }

    let root = [
        "run",
        "root",
        "--image=localhost/etcd:3.6",
        "--namespace",
        SYSTEM,
        "--dry-run=server",
    ];
    match world.kubectl.run(&root) {
        Err(error) if error.to_string().contains("violates PodSecurity \"restricted") => Ok(()),
        Err(error) => Err(error.context("refused, but not for the profile")),
        Ok(_) => bail!("the profile is not enforced"),
    }
}

/// `/proc/<id>/status` of every process of a program, in this process namespace and those below.
fn of_program(name: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").context("list processes")? {
        let folder = entry?.path();
        let status = fs::read_to_string(folder.join("status")).unwrap_or_default();
        if value(&status, "Name").is_ok_and(|found| found == name) {
            found.push(status);
        }
    }
    Ok(found)
}

/// The first word of a field.
fn value<'a>(status: &'a str, field: &str) -> Result<&'a str> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next())
        .with_context(|| format!("no {field}"))
}
