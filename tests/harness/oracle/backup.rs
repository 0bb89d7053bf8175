//! One backup: its manifest, its object, and what can be restored from it.

use std::{
    fs::{self, File},
    io::{Read, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Restored, Subject, restored};
use crate::{etcdutl, restorer::Restorer, scratch};

/// The revision of an etcd that holds nothing. Its own answers say 1, and etcdutl, which looks for the newest key, 0.
const EMPTY: i64 = 1;

/// A backup as its manifest tells it.
#[derive(Debug, Clone)]
pub struct Backup {
    /// `<namespace>/<plan>/<cluster id>/<run id>`, with whatever prefix the store was given before it.
    pub folder: String,
    /// When the run began.
    pub started: DateTime<Utc>,
    /// etcd's revision.
    pub revision: i64,
    /// Everything.
    pub manifest: Value,
}

/// Reads a manifest and compares it with where it lies.
pub(super) fn read(store: &Path, key: &str) -> Result<Backup> {
    let bytes = fs::read(store.join(key)).context("read it")?;
    ensure!(
        bytes.len() <= 64 * 1024,
        "{} bytes are more than a manifest may have",
        bytes.len()
    );
    let manifest: Value = serde_json::from_slice(&bytes).context("parse it")?;
    let folder = key.strip_suffix("/manifest.json").context("no manifest's name")?;
    let says =
        ["/plan/namespace", "/plan/name", "/etcd/clusterId", "/runId"].map(|field| text(&manifest, field));
    let [namespace, plan, cluster, run] = says.map(Option::unwrap_or_default);
    let place = format!("{namespace}/{plan}/{cluster}/{run}");
    ensure!(
        folder == place || folder.ends_with(&format!("/{place}")),
        "it says that it belongs to {place}"
    );
    let major = text(&manifest, "/format").and_then(|format| format.split('.').next());
    ensure!(major == Some("1"), "its format is {:?}", manifest["format"]);
    let started = text(&manifest, "/times/started").context("it does not say when")?;
    Ok(Backup {
        folder: folder.to_owned(),
        started: DateTime::parse_from_rfc3339(started)
            .context("when is no time")?
            .to_utc(),
        revision: manifest["revision"].as_i64().context("it names no revision")?,
        manifest,
    })
}

impl Backup {
    /// The object's path below the store.
    pub fn object(&self) -> Result<String> {
        let file = text(&self.manifest, "/object/file").context("the manifest names no object")?;
        ensure!(!file.contains('/'), "the object's name {file:?} is a path");
        Ok(format!("{}/{file}", self.folder))
    }

    /// Compares the object with the manifest, then the snapshot in it with etcd's own tools; `which` says whether at all, and
    /// whether down to an etcd that runs on it.
    pub(super) async fn prove(&self, store: &Path, subject: &Subject, which: Restored) -> Result<()> {
        let object = store.join(self.object()?);
        self.compare("/object", &object).context("what is stored")?;
        let place = scratch::folder("oracle")?;
        let readable = self.decrypt(&object, subject.identity.as_deref(), place.path())?;
        let snapshot = decompress(
            &readable,
            text(&self.manifest, "/object/compression/type"),
            place.path(),
        )?;
        self.compare("/snapshot", &snapshot)
            .context("the snapshot in it")?;
        if which == Restored::None {
            return Ok(());
        }
        let status = etcdutl::status(subject.version, &snapshot).context("etcdutl's verdict")?;
        ensure!(
            (Some(u64::from(status.hash)), status.revision.max(EMPTY))
                == (number(&self.manifest, "/snapshot/hash"), self.revision),
            "etcdutl finds {status:?}"
        );
        let hash_kv = &self.manifest["snapshot"]["hashKv"];
        let expected = hash_kv.as_object().map(|_| hash_kv["hash"].as_u64());
        restored::files(&snapshot, subject.version, place.path(), expected.flatten())
            .context("restoring it, by etcdutl and by ourselves")?;
        if which == Restored::All {
            Box::pin(self.run(&snapshot, subject))
                .await
                .context("running on it")?;
        }
        Ok(())
    }

    /// What `age --decrypt` does with one identity; of what is not encrypted, the object itself.
    fn decrypt(&self, object: &Path, identity: Option<&str>, place: &Path) -> Result<PathBuf> {
        let encryption = &self.manifest["object"]["encryption"];
        if encryption.is_null() {
            ensure!(identity.is_none(), "it is not encrypted, and should be");
            return Ok(object.to_path_buf());
        }
        ensure!(encryption["type"] == "age", "unknown encryption {encryption}");
        let identity = identity.context("it is encrypted, and no key was given to the judge")?;
        let identity: age::x25519::Identity = identity
            .parse()
            .map_err(|problem: &str| anyhow::anyhow!(problem))?;
        let input = File::open(object).context("open the object")?;
        let decryptor = age::Decryptor::new(input).context("read age's header")?;
        let mut plain = decryptor
            .decrypt(std::iter::once(&identity as &dyn age::Identity))
            .context("decrypt it with the key that was given")?;
        let path = place.join("decrypted");
        let mut output = File::create(&path).context("make a file")?;
        std::io::copy(&mut plain, &mut output).context("decrypt it")?;
        Ok(path)
    }

    /// Starts etcd on what etcdutl makes of the snapshot, and on what we make of it: both answer with the same.
    async fn run(&self, snapshot: &Path, subject: &Subject) -> Result<()> {
        let [theirs, ours] = Restorer::ALL.map(|restorer| restored::running(restorer, snapshot, subject));
        let (theirs, ours) = tokio::try_join!(theirs, ours)?;
        ensure!(
            theirs == ours,
            "restored by etcdutl it is {theirs:?}, and by ourselves {ours:?}"
        );
        ensure!(
            theirs.revision == self.revision,
            "its revision is {}, and the manifest says {}",
            theirs.revision,
            self.revision
        );
        let expected = &self.manifest["snapshot"]["hashKv"];
        ensure!(
            expected.is_null() || expected["hash"].as_u64() == Some(u64::from(theirs.hash)),
            "HashKV at revision {} is {}, and the manifest says {expected}",
            self.revision,
            theirs.hash
        );
        Ok(())
    }

    /// Size and SHA-256 of a file against one part of the manifest.
    fn compare(&self, part: &str, file: &Path) -> Result<()> {
        let (mut hash, mut size) = (Sha256::new(), 0);
        let mut input = File::open(file).context("open it")?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = input.read(&mut buffer).context("read it")?;
            if read == 0 {
                break;
            }
            hash.update(&buffer[..read]);
            size += read as u64;
        }
        let expected = (
            number(&self.manifest, &format!("{part}/size")),
            text(&self.manifest, &format!("{part}/sha256")),
        );
        let sha256 = hex::encode(hash.finalize());
        ensure!(
            expected == (Some(size), Some(&*sha256)),
            "{size} bytes with SHA-256 {sha256}, and the manifest says {expected:?}"
        );
        Ok(())
    }
}

/// What `zstd -d` does; strict about what follows.
fn decompress(object: &Path, compression: Option<&str>, place: &Path) -> Result<PathBuf> {
    let plain = place.join("snapshot.db");
    let mut output = File::create(&plain).context("make a file")?;
    let mut input = File::open(object).context("open the object")?;
    match compression {
        Some("Zstd") => zstd::stream::copy_decode(input, &mut output).context("decompress it")?,
        Some("None") => std::io::copy(&mut input, &mut output)
            .map(drop)
            .context("copy it")?,
        other => bail!("unknown compression {other:?}"),
    }
    output.flush().context("write it")?;
    Ok(plain)
}

fn text<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value.pointer(field)?.as_str()
}

fn number(value: &Value, field: &str) -> Option<u64> {
    value.pointer(field)?.as_u64()
}
