//! The S3 servers that are written to.

use std::{env, process::Command, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use etcd_backup_dial::DialPolicy;
use etcd_backup_store::{
    S3Config, S3Store, Store,
    s3::{Credentials, PayloadSigning},
};
use harness::{
    ports,
    process::Process,
    s3::{Quirks, S3Server},
    scratch,
    versitygw::Versitygw,
    wait,
};
use tempfile::TempDir;

/// The bucket on every server.
pub(crate) const BUCKET: &str = "bench";

/// The project's own server in a process of its own. It checks checksums and keeps nothing, so that it is not what
/// limits.
#[derive(Debug)]
pub(crate) struct Discarding {
    process: Process,
    _folder: TempDir,
    endpoint: String,
}

impl Discarding {
    /// Starts it: this program once more. It takes no more than so many bytes a second, if that is said.
    pub(crate) async fn start(pace: Option<u32>) -> Result<Self> {
        let (port, folder) = (ports::free()?, scratch::folder("discarding")?);
        let mut command = Command::new(env::current_exe().context("find this program's own file")?);
        command.arg(format!("--discarding-store={port}"));
        command.args(pace.map(|pace| format!("--pace={pace}")));
        let mut process = Process::start("discarding store", &mut command, &folder.path().join("log"))?;
        wait::until_ok("the store to listen", Duration::from_secs(20), async || {
            process.check()?;
            let connected = tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
            connected.map(drop).context("connect")
        })
        .await?;
        Ok(Self {
            process,
            _folder: folder,
            endpoint: format!("http://127.0.0.1:{port}"),
        })
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) async fn store(&self) -> Result<Arc<dyn Store>> {
        open(&self.endpoint, S3Server::ACCESS_KEY, S3Server::SECRET_KEY).await
    }
}

/// Serves until it is killed.
pub(crate) async fn serve_discarding(port: u16, pace: Option<u32>) -> Result<()> {
    let quirks = Quirks {
        discard: true,
        pace,
        ..Quirks::default()
    };
    let _server = S3Server::listen(&format!("127.0.0.1:{port}"), BUCKET, quirks).await?;
    std::future::pending().await
}

/// A real server, with the bucket.
pub(crate) async fn versitygw() -> Result<Versitygw> {
    let server = Versitygw::start().await?;
    server.create_bucket(BUCKET)?;
    Ok(server)
}

/// Our client of a server. Bodies are not signed, as they are not over https, which is how buckets are reached in life.
pub(crate) async fn open(endpoint: &str, access_key: &str, secret_key: &str) -> Result<Arc<dyn Store>> {
    let mut config = S3Config::new(BUCKET);
    config.region = Some(S3Server::REGION.to_owned());
    config.endpoint = Some(endpoint.to_owned());
    config.path_style = true;
    config.allow_http = true;
    config.payload_signing = PayloadSigning::Never;
    config.policy = DialPolicy::allow_all();
    config.credentials = Credentials::Static {
        access_key_id: access_key.to_owned(),
        secret_access_key: secret_key.to_owned(),
        session_token: None,
    };
    Ok(Arc::new(S3Store::new(config).await?))
}
