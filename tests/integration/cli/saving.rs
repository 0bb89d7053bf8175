//! Saving snapshots into files, and looking at saved ones.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use anyhow::{Context, Result, ensure};
use harness::{
    binaries,
    etcd::{Etcd, Version},
    etcdutl, wait,
};
use tokio::{process::Command, time::timeout};

use super::{SOON, done, entries, failed, piped, program, save, terminate};

async fn etcdutl_status(file: &Path, format: &str) -> Result<String> {
    let mut command = Command::new(binaries::tool(Version::V3_6.set(), "etcdutl")?);
    done(command.args(["snapshot", "status", "-w", format]).arg(file)).await
}

#[tokio::test]
async fn what_is_saved_restores_and_its_status_is_printed_exactly_as_by_etcdutl() -> Result<()> {
    for version in Version::ALL {
        let etcd = Etcd::start(version).await?;
        let mut client = etcd.client().await?;
        for number in 0..200 {
            client
                .put(format!("key/{}", number % 70), format!("value {number}"), None)
                .await?;
        }
        client.delete("key/3", None).await?;

        let ours = etcd.folder().join("ours.db");
        let said = done(&mut save(&etcd, &ours)?).await?;
        ensure!(
            said.starts_with(&format!("Snapshot saved at {}\n", ours.display())),
            "{said}"
        );
        ensure!(
            said.contains("as the member has it"),
            "the HashKV was not compared: {said}"
        );
        ensure!(said.contains("m0 is the only member"), "{said}");
        assert_eq!(fs::metadata(&ours)?.permissions().mode() & 0o777, 0o600);

        let theirs = etcd.folder().join("theirs.db");
        let mut etcdctl = Command::new(binaries::tool(version.set(), "etcdctl")?);
        etcdctl
            .args(["--endpoints", &etcd.endpoints()[0], "snapshot", "save"])
            .arg(&theirs);
        done(&mut etcdctl).await?;

        for file in [&ours, &theirs] {
            for format in ["simple", "table", "json", "fields"] {
                let status = done(program()?.args(["snapshot", "status", "-w", format]).arg(file)).await?;
                assert_eq!(
                    status,
                    etcdutl_status(file, format).await?,
                    "etcd {version}, {format}"
                );
            }
        }
        let restored = Etcd::start(version).restored_from(&ours).await?;
        let answer = restored.client().await?.get("key/69", None).await?;
        assert_eq!(answer.kvs()[0].value(), b"value 139");
    }
    Ok(())
}

#[tokio::test]
async fn a_snapshot_is_replaced_as_by_etcdctl_and_another_file_only_on_demand() -> Result<()> {
    let etcd = Etcd::start(Version::V3_6).await?;
    let file = etcd.folder().join("backup.db");
    fs::write(&file, "precious")?;
    let errors = failed(&mut save(&etcd, &file)?, 5).await?;
    ensure!(
        errors.contains("exists") && errors.contains("--overwrite"),
        "{errors}"
    );
    assert_eq!(fs::read(&file)?, b"precious");
    done(save(&etcd, &file)?.arg("--overwrite")).await?;
    etcdutl::status(Version::V3_6, &file)?;
    let first = fs::read(&file)?;
    etcd.client().await?.put("later", "than the first", None).await?;
    done(&mut save(&etcd, &file)?).await?;
    etcdutl::status(Version::V3_6, &file)?;
    ensure!(fs::read(&file)? != first, "the snapshot was not replaced");
    assert_eq!(entries(etcd.folder(), "backup")?, ["backup.db"]);
    Ok(())
}

#[tokio::test]
async fn a_snapshot_whose_checksum_does_not_match_is_refused_where_etcdutl_describes_it() -> Result<()> {
    let etcd = Etcd::start(Version::V3_6).await?;
    let file = etcd.folder().join("backup.db");
    done(&mut save(&etcd, &file)?).await?;
    let mut bytes = fs::read(&file)?;
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    fs::write(&file, &bytes)?;
    etcdutl_status(&file, "json").await?;
    let errors = failed(program()?.args(["snapshot", "status"]).arg(&file), 4).await?;
    ensure!(errors.contains("TrailerMismatch"), "{errors}");
    fs::write(&file, &bytes[..bytes.len() / 2])?;
    let errors = failed(program()?.args(["snapshot", "status"]).arg(&file), 4).await?;
    ensure!(errors.contains("Truncated"), "{errors}");
    Ok(())
}

#[tokio::test]
async fn certificates_and_passwords_work_by_flag_and_by_environment_and_are_never_shown() -> Result<()> {
    let etcd = Etcd::start(Version::V3_6)
        .tls()
        .auth("root", "canary-right")
        .await?;
    let tls = etcd.tls.as_ref().context("certificates")?;
    let flags = |command: &mut Command| {
        command.arg("--cacert").arg(&tls.ca);
        command
            .arg("--cert")
            .arg(&tls.client_files.cert)
            .arg("--key")
            .arg(&tls.client_files.key);
    };
    let mut by_flag = save(&etcd, etcd.folder().join("flag.db"))?;
    flags(&mut by_flag);
    done(by_flag.args(["--user", "root:canary-right"])).await?;

    let mut by_environment = program()?;
    by_environment
        .args(["snapshot", "save"])
        .arg(etcd.folder().join("environment.db"));
    by_environment.env(
        "ETCDCTL_ENDPOINTS",
        etcd.endpoints()[0].trim_start_matches("https://"),
    );
    by_environment.env("ETCDCTL_CACERT", &tls.ca);
    by_environment
        .env("ETCDCTL_CERT", &tls.client_files.cert)
        .env("ETCDCTL_KEY", &tls.client_files.key);
    by_environment
        .env("ETCDCTL_USER", "root")
        .env("ETCDCTL_PASSWORD", "canary-right");
    done(&mut by_environment).await?;

    let mut wrong = save(&etcd, etcd.folder().join("wrong.db"))?;
    flags(&mut wrong);
    wrong
        .args(["--user", "root"])
        .env("ETCDCTL_PASSWORD", "canary-wrong");
    let errors = failed(&mut wrong, 3).await?;
    ensure!(
        errors.contains("password is wrong") && !errors.contains("canary"),
        "{errors}"
    );

    let mut strange = save(&etcd, etcd.folder().join("strange.db"))?;
    let stranger = harness::tls::Authority::new("a-stranger")?;
    fs::write(etcd.folder().join("stranger.crt"), stranger.pem())?;
    let errors = failed(strange.arg("--cacert").arg(etcd.folder().join("stranger.crt")), 3).await?;
    ensure!(
        errors.contains("not signed by the given CA") && errors.contains("Hint: "),
        "{errors}"
    );
    assert_eq!(entries(etcd.folder(), "wrong")?, [""; 0]);
    assert_eq!(entries(etcd.folder(), "strange.db")?, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn nobody_at_home_is_said_in_a_sentence_with_a_hint_and_leaves_no_file() -> Result<()> {
    let folder = harness::scratch::folder("nobody")?;
    let endpoint = format!("127.0.0.1:{}", harness::ports::free()?);
    let mut command = program()?;
    command
        .args(["snapshot", "save", "--endpoints", &endpoint])
        .arg(folder.path().join("backup.db"));
    let errors = failed(&mut command, 3).await?;
    ensure!(
        errors.contains(&endpoint) && errors.contains("refused") && errors.contains("Hint: "),
        "{errors}"
    );
    assert_eq!(entries(folder.path(), "")?, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn an_interrupted_save_leaves_nothing() -> Result<()> {
    let etcd = Etcd::start(Version::V3_6).await?;
    etcd.member(0).pause()?;
    let part = etcd.folder().join("backup.db.part");
    let child = piped(&mut save(&etcd, etcd.folder().join("backup.db"))?)?;
    wait::until("the save to begin", SOON, async || part.exists()).await?;
    // The handler is in place a moment after the file; a signal before it ends the process as well, but with the file left.
    wait::until("the connection to be open", SOON, async || {
        connected(etcd.member(0).port())
    })
    .await?;
    terminate(&child)?;
    let output = timeout(SOON, child.wait_with_output())
        .await
        .context("it goes on")??;
    assert_eq!(
        output.status.code(),
        Some(130),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(entries(etcd.folder(), "backup")?, [""; 0]);
    Ok(())
}

/// Whether somebody has connected to this port of the machine (proc(5), /proc/net/tcp: remote address in hexadecimal, state 01).
fn connected(port: u16) -> bool {
    let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let remote = format!(":{port:04X}");
    table.lines().any(|line| {
        let mut fields = line.split_whitespace().skip(2);
        fields.next().is_some_and(|address| address.ends_with(&remote)) && fields.next() == Some("01")
    })
}
