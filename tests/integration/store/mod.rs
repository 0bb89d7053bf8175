//! The S3 store: against a server of ours that misbehaves as told, and against a strict one of others.

mod answers;
mod contract;
mod credentials;
mod environment;
mod explained;
mod headers;
mod listing;
mod lost;
mod reading;
mod slow;
mod uploading;
mod vendors;

use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use etcd_backup_dial::DialPolicy;
use etcd_backup_store::s3::{Credentials, Retry, S3Config, S3Store};
use etcd_backup_store::{GetRange, PutMode, Store as _, StoreError};
use harness::s3::{Operation, Quirks, S3Server};

const BUCKET: &str = "backups";
const PART: usize = 5 * 1024 * 1024;
/// As many attempts as the configuration of these tests allows.
const ATTEMPTS: usize = 4;

/// Our server's bucket, as a person at the keyboard would configure it. Retries are quick.
fn config(endpoint: &str) -> S3Config {
    let mut config = S3Config::new(BUCKET);
    config.endpoint = Some(endpoint.to_owned());
    config.path_style = true;
    config.allow_http = true;
    config.policy = DialPolicy::allow_all();
    "tenant".clone_into(&mut config.prefix);
    config.part_size = PART;
    config.credentials = Credentials::Static {
        access_key_id: S3Server::ACCESS_KEY.to_owned(),
        secret_access_key: S3Server::SECRET_KEY.to_owned(),
        session_token: None,
    };
    config.retry = Retry {
        attempts: ATTEMPTS as u32,
        base: Duration::from_millis(5),
        cap: Duration::from_millis(20),
    };
    config
}

async fn start() -> Result<(S3Server, S3Store)> {
    start_with(Quirks::default()).await
}

async fn start_with(quirks: Quirks) -> Result<(S3Server, S3Store)> {
    let server = S3Server::start_with(BUCKET, quirks).await?;
    let store = S3Store::new(config(&server.endpoint)).await?;
    Ok((server, store))
}

/// Bytes that no two parts have in common.
fn noise(length: usize) -> Bytes {
    let words = (0_u64..).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    let mut bytes: Vec<u8> = words.take(length / 8 + 1).flatten().collect();
    bytes.truncate(length);
    bytes.into()
}

async fn upload(store: &S3Store, key: &str, whole: &Bytes) -> Result<(), StoreError> {
    let upload = store.upload(key).await?;
    for (number, start) in (1..).zip((0..whole.len()).step_by(PART)) {
        let end = (start + PART).min(whole.len());
        if let Err(error) = upload.part(number, whole.slice(start..end)).await {
            // As the write pipeline does. What cannot be aborted is swept another day.
            let _ = upload.abort().await;
            return Err(error);
        }
    }
    upload.complete().await.map(drop)
}

/// Does what needs exactly this operation of the server, on the keys `there` and `new`.
async fn perform(store: &S3Store, operation: Operation) -> Result<(), StoreError> {
    match operation {
        Operation::Put => store.put("new", "x".into(), PutMode::Create).await.map(drop),
        Operation::Get => {
            let got = store.get("there", GetRange::all()).await?;
            got.bytes(1024).await.map(drop)
        }
        Operation::Head => store.head("there").await.map(drop),
        Operation::Delete => store.delete("there").await,
        Operation::List => store.list("", None).await.map(drop),
        Operation::CreateUpload | Operation::UploadPart | Operation::CompleteUpload => {
            upload(store, "new", &noise(100)).await
        }
        Operation::AbortUpload => store.upload("new").await?.abort().await,
        Operation::ListUploads => store.list_uploads("").await.map(drop),
        Operation::Other => Ok(()),
    }
}

/// Everything an error says to anyone, by any way of printing it.
fn everything(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = vec![format!("{error} {error:?} {error:#?}")];
    let mut next = error.source();
    while let Some(source) = next {
        text.push(format!("{source} {source:?}"));
        next = source.source();
    }
    text.join(" ")
}
