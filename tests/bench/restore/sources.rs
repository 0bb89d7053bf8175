//! Restoring what is compressed, or compressed and encrypted, from a store.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use age::{secrecy::ExposeSecret, x25519::Identity};
use anyhow::{Context, Result};
use harness::binaries;

use super::sides::ours;
use crate::{
    report::{Goal, Report, median, say},
    stage::{Stage, run},
};

/// Adds the figures.
pub(super) async fn measure(stage: &Stage, report: &mut Report) -> Result<()> {
    say("\nrestore: from a store, decoded on the way");
    let identity = Identity::generate();
    let keys = stage.folder().join("age.txt");
    fs::write(&keys, identity.to_string().expose_secret()).context("write the identity down")?;
    for (name, identity) in [("zstd", None), ("zstd and age", Some(identity))] {
        let bucket = stage.folder().join("bucket");
        save(stage, &bucket, identity.as_ref()).await?;
        let (mut restored, mut decoded, mut anonymous) = (Vec::new(), Vec::new(), 0.0_f64);
        for _ in 0..stage.rounds {
            let seen = ours(stage, |command| {
                command.arg(format!("file://{}", bucket.display()));
                command.arg("--age-identity").arg(&keys);
            });
            let seen = seen.await?;
            restored.push(seen.seconds);
            anonymous = anonymous.max(seen.peak);
            let (bucket, identity) = (bucket.clone(), identity.clone());
            let alone = move || decode(&bucket, identity.as_ref());
            decoded.push(tokio::task::spawn_blocking(alone).await.context("decode")??);
        }
        fs::remove_dir_all(&bucket).context("remove the bucket")?;
        let (restored, decoded) = (median(restored), median(decoded));
        report.tell(&format!("etcd-backup restore, from {name}"), restored, "s");
        report.judge(
            &format!("anonymous memory of a restore from {name}"),
            anonymous,
            "MiB",
            Goal::AtMost(128.0),
        );
        report.tell(&format!("decoding {name} alone"), decoded, "s");
    }
    Ok(())
}

/// Backs etcd up into a directory.
async fn save(stage: &Stage, bucket: &Path, identity: Option<&Identity>) -> Result<()> {
    fs::create_dir(bucket).context("make the bucket")?;
    let mut command = Command::new(binaries::etcd_backup()?);
    command.env_clear().env("TMPDIR", stage.folder());
    command.args(["snapshot", "save"]);
    command.arg(format!("file://{}", bucket.display()));
    command.arg(format!("--endpoints={}", stage.etcd.member(0).endpoint()));
    command.args(["--plan=bench/restore", "--compression=zstd"]);
    if let Some(identity) = identity {
        command.arg(format!("--age-recipient={}", identity.to_public()));
    }
    run(command).await.map(drop)
}

/// What any restore of it has to do first. Returns the seconds.
fn decode(bucket: &Path, identity: Option<&Identity>) -> Result<f64> {
    let started = Instant::now();
    let object = File::open(object(bucket)?).context("open the object")?;
    let object: Box<dyn io::Read> = match identity {
        Some(identity) => {
            let decryptor = age::Decryptor::new(object).context("read age's header")?;
            let identities = std::iter::once(identity as &dyn age::Identity);
            Box::new(decryptor.decrypt(identities).context("decrypt the object")?)
        }
        None => Box::new(object),
    };
    let mut plain = zstd::Decoder::new(object).context("read zstd")?;
    io::copy(&mut plain, &mut io::sink()).context("decode the object")?;
    Ok(started.elapsed().as_secs_f64())
}

/// The largest file, wherever it lies.
fn object(folder: &Path) -> Result<PathBuf> {
    let mut folders = vec![folder.to_path_buf()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).context("list the bucket")? {
            let entry = entry.context("list the bucket")?;
            let kind = entry.metadata().context("look at a file")?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else {
                files.push((kind.len(), entry.path()));
            }
        }
    }
    let largest = files.into_iter().max();
    largest.map(|(_, path)| path).context("the bucket is empty")
}
