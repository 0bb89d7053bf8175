//! A real, strict S3 server over a directory: versitygw.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};
use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
};
use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;

use crate::{binaries, http, ports, process::Process, scratch, tls::Files, wait};

/// The server; it ends when dropped.
#[derive(Debug)]
pub struct Versitygw {
    process: Process,
    folder: TempDir,
    /// Where it listens, such as `http://127.0.0.1:16001`.
    pub endpoint: String,
    /// The key id of its administrator.
    pub access_key: String,
    /// The secret of its administrator.
    pub secret_key: String,
    requests: PathBuf,
}

impl Versitygw {
    /// The region it takes requests for.
    pub const REGION: &str = "us-east-1";

    /// The key id of the one user who is no administrator: policies of buckets hold for nobody else.
    pub const USER_KEY: &str = "versity-user";
    /// The secret that goes with it.
    pub const USER_SECRET: &str = "versity-user-secret";

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Starts it over HTTP, with versioning available.
    pub async fn start() -> Result<Self> {
        Self::start_at("127.0.0.1").await
    }

    /// Starts it over HTTP at another address of this machine, such as one that pods reach.
    pub async fn start_at(host: &str) -> Result<Self> {
        Self::start_with(host, None, true).await
    }

    /// Starts it over HTTP, without versioning: deleting an object removes it, or is refused.
    pub async fn start_unversioned() -> Result<Self> {
        Self::start_with("127.0.0.1", None, false).await
    }

    /// Starts it over HTTPS.
    pub async fn start_tls(certificate: &Files) -> Result<Self> {
        Self::start_with("127.0.0.1", Some(certificate), true).await
    }

    async fn start_with(host: &str, certificate: Option<&Files>, versioned: bool) -> Result<Self> {
        let program = binaries::tool("versitygw", "versitygw")?;
        let folder = scratch::folder("versitygw")?;
        // One must not be a prefix of the other: versitygw refuses that.
        let (data, versions) = (folder.path().join("data"), folder.path().join("versions"));
        for path in [&data, &versions] {
            fs::create_dir(path).with_context(|| format!("make {}", path.display()))?;
        }
        let (port, access_key, secret_key) = (ports::free()?, "versity-root", "versity-root-secret");
        let mut command = Command::new(program);
        command
            .env("ROOT_ACCESS_KEY", access_key)
            .env("ROOT_SECRET_KEY", secret_key);
        command.args([
            "--quiet",
            "--health",
            "/health",
            "--port",
            &format!("{host}:{port}"),
        ]);
        let (users, requests) = (folder.path().join("users"), folder.path().join("requests"));
        fs::create_dir(&users).context("make a folder for users")?;
        let user = json!({
            "access": Self::USER_KEY, "secret": Self::USER_SECRET, "role": "user", "userID": 0, "groupID": 0, "projectID": 0,
        });
        let user = json!({"accessAccounts": {Self::USER_KEY: user}});
        fs::write(users.join("users.json"), user.to_string()).context("write the users down")?;
        command.arg("--iam-dir").arg(&users);
        command.arg("--access-log").arg(&requests);
        if let Some(files) = certificate {
            command
                .arg("--cert")
                .arg(&files.cert)
                .arg("--key")
                .arg(&files.key);
        }
        command.arg("posix");
        if versioned {
            command.arg("--versioning-dir").arg(&versions);
        }
        command.arg(&data);
        let process = Process::start("versitygw", &mut command, &folder.path().join("log"))?;
        let scheme = if certificate.is_some() { "https" } else { "http" };
        let mut server = Self {
            process,
            folder,
            endpoint: format!("{scheme}://{host}:{port}"),
            access_key: access_key.to_owned(),
            secret_key: secret_key.to_owned(),
            requests,
        };
        wait::until_ok("versitygw to listen", Duration::from_secs(20), async || {
            server.process.check()?;
            match certificate {
                None => http::get_from(host, port, "/health").await.map(drop),
                Some(_) => http::connect(host, port).await.map(drop),
            }
        })
        .await?;
        Ok(server)
    }

    /// Makes a bucket: for this server, a directory.
    pub fn create_bucket(&self, name: &str) -> Result<()> {
        let path = self.data().join(name);
        fs::create_dir(&path).with_context(|| format!("make the bucket {name}"))
    }

    /// Makes a bucket whose objects can be locked. Where versioning is available it is on for such a bucket, as with
    /// Amazon.
    pub async fn create_locking_bucket(&self, name: &str) -> Result<()> {
        let request = self.client().create_bucket().bucket(name);
        let created = request.object_lock_enabled_for_bucket(true).send().await;
        created
            .map(drop)
            .with_context(|| format!("make the bucket {name} with Object Lock"))
    }

    /// Lets its user do everything in a bucket but what is named, such as `s3:DeleteObject`.
    pub async fn allow_all_but(&self, bucket: &str, denied: &[&str]) -> Result<()> {
        let (whole, objects) = (
            format!("arn:aws:s3:::{bucket}"),
            format!("arn:aws:s3:::{bucket}/*"),
        );
        let mut statements = vec![json!({
            "Effect": "Allow", "Principal": Self::USER_KEY, "Action": "s3:*", "Resource": [&whole, &objects],
        })];
        if !denied.is_empty() {
            statements.push(json!({
                "Effect": "Deny", "Principal": Self::USER_KEY, "Action": denied, "Resource": &objects,
            }));
        }
        let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        let put = self.client().put_bucket_policy().bucket(bucket).policy(policy);
        put.send()
            .await
            .map(drop)
            .with_context(|| format!("set the policy of {bucket}"))
    }

    /// How many requests it has answered for this operation, such as `DeleteObject`, about this bucket.
    pub fn count(&self, operation: &str, bucket: &str) -> Result<usize> {
        let log = fs::read_to_string(&self.requests).context("read the log of requests")?;
        let operation = format!("s3_{operation}");
        let is_one = |line: &&str| {
            let mut words = line.split(' ').skip(1);
            words.next() == Some(bucket) && words.any(|word| word == operation)
        };
        Ok(log.lines().filter(is_one).count())
    }

    /// A client of its administrator, to look at what ours did: Amazon's own, with nothing of ours around it.
    pub fn client(&self) -> Client {
        let keys = Credentials::new(&self.access_key, &self.secret_key, None, None, "harness");
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(Self::REGION))
            .endpoint_url(&self.endpoint)
            .force_path_style(true)
            .credentials_provider(keys);
        Client::from_conf(config.build())
    }

    /// The directory whose sub-directories are the buckets. Objects are plain files in them.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Sends it a signal, such as one that makes it stand still.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.process.signal(signal)
    }

    /// The process, to pause or kill it.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The file with its output.
    pub fn log(&self) -> &Path {
        self.process.log()
    }
}
