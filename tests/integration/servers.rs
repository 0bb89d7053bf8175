//! The servers themselves: what every other test of this tier stands on.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use harness::{
    apiserver::ApiServer,
    etcd::{Etcd, Version},
    versitygw::Versitygw,
    wait,
};

#[tokio::test]
async fn every_release_of_etcd_starts_and_keeps_what_is_written() -> Result<()> {
    for version in Version::ALL {
        let etcd = Etcd::start(version).await?;
        let mut client = etcd.client().await?;
        client.put("greeting", "hello", None).await?;
        etcd.member(0).kill()?;
        etcd.member(0).start().await?;
        let answer = client.get("greeting", None).await?;
        assert_eq!(answer.kvs()[0].value(), b"hello");
        let status = client.status().await?;
        assert!(
            status.version().starts_with(&version.to_string()),
            "{} is no {version}",
            status.version()
        );
    }
    Ok(())
}

#[tokio::test]
async fn three_members_with_tls_and_a_password_survive_the_loss_of_one() -> Result<()> {
    let etcd = Etcd::start(Version::V3_6)
        .members(3)
        .tls()
        .auth("backup", "a-password")
        .await?;
    etcd.client().await?.put("greeting", "hello", None).await?;
    etcd.member(2).kill()?;
    etcd.member(2).wipe()?;
    // The lost one may have been the leader; the others elect a new one within seconds.
    let answer = wait::until_ok("the others to answer", Duration::from_secs(20), async || {
        Ok(etcd.client_of(0).await?.get("greeting", None).await?)
    })
    .await?;
    assert_eq!(answer.kvs()[0].value(), b"hello");
    Ok(())
}

#[tokio::test]
async fn the_s3_server_answers_with_and_without_tls() -> Result<()> {
    let plain = Versitygw::start().await?;
    plain.create_bucket("backups")?;
    assert!(plain.data().join("backups").is_dir());
    let folder = harness::scratch::folder("tls")?;
    let authority = harness::tls::Authority::new("s3-test-ca")?;
    let files = authority
        .server(&["localhost", "127.0.0.1"])?
        .write(folder.path(), "server")?;
    let secure = Versitygw::start_tls(&files).await?;
    assert!(secure.endpoint.starts_with("https://"));
    Ok(())
}

#[tokio::test]
async fn the_api_server_knows_its_administrator_and_refuses_strangers() -> Result<()> {
    let etcd = Etcd::start(Version::V3_6).tls().await?;
    let server = ApiServer::start(&etcd).await?;
    let kubectl = server.kubectl()?;
    kubectl.run(&["create", "namespace", "somewhere"])?;
    assert_eq!(kubectl.run(&["auth", "can-i", "delete", "nodes"])?.trim(), "yes");
    kubectl.run(&["create", "serviceaccount", "nobody", "--namespace", "somewhere"])?;
    let refused = kubectl.run(&["--as", "system:serviceaccount:somewhere:nobody", "get", "secrets"]);
    assert!(format!("{:#}", refused.unwrap_err()).contains("Forbidden"));
    Ok(())
}

#[test]
fn servers_and_files_of_a_killed_test_process_go_with_it() -> Result<()> {
    let mut victim = Command::new(std::env::current_exe()?)
        .args([
            "--exact",
            "servers::a_process_that_is_killed",
            "--ignored",
            "--nocapture",
        ])
        .stdout(Stdio::piped())
        .spawn()?;
    let output = BufReader::new(victim.stdout.take().context("a pipe")?);
    let mut told = output
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| Some(line.split_once("left: ")?.1.to_owned()));
    let (folder, process) = (
        told.next().context("no folder")?,
        told.next().context("no process")?,
    );
    victim.kill()?;
    victim.wait()?;
    let gone = || !Path::new(&folder).exists() && !Path::new("/proc").join(&process).exists();
    let end = Instant::now() + Duration::from_secs(20);
    while !gone() {
        assert!(
            Instant::now() < end,
            "{folder} or process {process} is still there"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

#[tokio::test]
#[ignore = "the other half of servers_and_files_of_a_killed_test_process_go_with_it"]
async fn a_process_that_is_killed() -> Result<()> {
    let mut server = Versitygw::start().await?;
    println!(
        "\nleft: {}\nleft: {}",
        harness::scratch::root()?.display(),
        server.process().id()
    );
    std::future::pending::<()>().await;
    Ok(())
}
