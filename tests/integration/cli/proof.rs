//! Backups in a directory that are damaged, or encrypted.

use std::fs;

use anyhow::{Context, Result, ensure};
use harness::etcd::{Etcd, Version};
use serde_json::Value;

use super::{done, failed, greeting, program, save, text};

#[tokio::test]
async fn a_backup_that_was_damaged_is_found_by_verify_and_never_fetched() -> Result<()> {
    let etcd = Etcd::start(Version::V3_6).await?;
    etcd.client().await?.put("greeting", "hello", None).await?;
    let store = harness::scratch::folder("damaged")?;
    let url = format!("file://{}", store.path().display());
    let (saved, location) = saved(&etcd, &url, &[]).await?;
    let directory = store.path().to_str().context("a path")?;
    let sound = done(program()?.args(["verify", &url])).await?;
    ensure!(
        sound.contains("is sound") && sound.contains(text(&saved, "/sha256")?),
        "{sound}"
    );
    done(program()?.args(["list", directory])).await?;

    let mut bytes = fs::read(&location)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&location, &bytes)?;
    let errors = failed(program()?.args(["verify", &url]), 4).await?;
    ensure!(
        errors.contains("damaged") && errors.contains("Hint: "),
        "{errors}"
    );
    let file = store.path().join("fetched.db");
    let target = file.to_str().context("a path")?;
    failed(program()?.args(["fetch", &url, target]), 4).await?;
    ensure!(!file.exists());
    assert_eq!(super::entries(store.path(), "fetched")?, [""; 0]);

    bytes.pop();
    fs::write(&location, &bytes)?;
    let errors = failed(program()?.args(["show", &url]), 4).await?;
    ensure!(errors.contains("where its manifest says"), "{errors}");
    let table = done(program()?.args(["list", &url])).await?;
    ensure!(table.contains("BROKEN: its snapshot has"), "{table}");
    Ok(())
}

#[tokio::test]
async fn an_encrypted_backup_needs_the_right_key_which_is_never_shown() -> Result<()> {
    let etcd = Etcd::start(Version::V3_6).await?;
    etcd.client().await?.put("greeting", "secret", None).await?;
    let store = harness::scratch::folder("encrypted")?;
    let url = format!("file://{}", store.path().display());
    let (right, wrong) = (Key::new(&store, "right")?, Key::new(&store, "wrong")?);
    saved(&etcd, &url, &["--age-recipient", &right.public]).await?;
    let errors = failed(program()?.args(["verify", &url]), 2).await?;
    ensure!(errors.contains("--age-identity"), "{errors}");
    let errors = failed(program()?.args(["verify", &url, "-i", &wrong.file]), 2).await?;
    ensure!(
        errors.contains("none of the identities") && !errors.contains("AGE-SECRET-KEY"),
        "{errors}"
    );
    done(
        program()?
            .args(["verify", &url])
            .env("ETCD_BACKUP_AGE_IDENTITY", &right.file),
    )
    .await?;
    let file = store.path().join("plain.db");
    let target = file.to_str().context("a path")?;
    done(program()?.args(["fetch", &url, target, "-i", &right.file])).await?;
    assert_eq!(greeting(&file).await?, "secret");
    Ok(())
}

/// Saves to a store in a directory: what was printed, and the path of the snapshot.
async fn saved(etcd: &Etcd, url: &str, arguments: &[&str]) -> Result<(Value, String)> {
    let mut command = save(etcd, url)?;
    command
        .args(["--plan", "prod/main", "-w", "json"])
        .args(arguments);
    let said: Value = serde_json::from_str(&done(&mut command).await?)?;
    let location = text(&said, "/location")?.trim_start_matches("file://").to_owned();
    Ok((said, location))
}

/// A pair of age keys, as `age-keygen` writes them.
struct Key {
    public: String,
    file: String,
}

impl Key {
    fn new(folder: &tempfile::TempDir, name: &str) -> Result<Self> {
        use age::secrecy::ExposeSecret;
        let key = age::x25519::Identity::generate();
        let file = folder.path().join(format!("{name}.txt"));
        let text = format!(
            "# public key: {}\n{}\n",
            key.to_public(),
            key.to_string().expose_secret()
        );
        fs::write(&file, text)?;
        Ok(Self {
            public: key.to_public().to_string(),
            file: file.to_string_lossy().into_owned(),
        })
    }
}
