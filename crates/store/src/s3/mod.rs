//! A bucket of S3, or of a server that speaks its protocol.
//!
//! What such servers do wrong is assumed here, not hoped against: an answer that never comes, an error in
//! a 200, a condition that is ignored, a part that is altered on the way, a listing that goes in circles.
//! Each has a case in `tests/integration/store_faults.rs`.

mod client;
mod complete;
pub mod config;
mod create_again;
mod create_only;
mod delete;
mod endpoint;
mod fault;
mod flow;
mod get;
mod head;
mod list;
mod multipart;
mod profile;
mod put;
mod range;
mod resolver;
mod retry;
mod settings;
mod upload;
mod uploads;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use bytes::Bytes;

pub use config::{Checksums, Credentials, LockMode, ObjectLock, PayloadSigning, S3Config, Sse, Timeouts};
pub use profile::Profile;
pub use retry::Retry;

use create_only::Known;
use endpoint::Endpoint;
use fault::{Fault, Place};
use flow::ClockOffset;

use crate::object::{CreateOnly, GetObject, GetRange, Listing, ObjectMeta, PutMode, UploadMeta};
use crate::{Context, Operation, Store, StoreError, Upload, key};

/// See the [module](self). Clones share one connection pool.
#[derive(Clone)]
pub struct S3Store {
    bucket: Arc<Bucket>,
}

/// What every request of this store needs.
struct Bucket {
    client: Client,
    config: S3Config,
    /// The prefix with its `/`, or empty.
    prefix: String,
    region: String,
    sign_payload: bool,
    clock: ClockOffset,
    create_only: Known,
}

impl S3Store {
    /// Prepares to talk to a bucket. Nothing is sent to it yet, so whether it is there shows with the first call.
    ///
    /// # Errors
    /// [`StoreError::InvalidConfig`], [`StoreError::EndpointRefused`] and [`StoreError::AmbientRefused`],
    /// for what can be seen from the configuration alone.
    pub async fn new(config: S3Config) -> Result<Self, StoreError> {
        config.check()?;
        let endpoint = Endpoint::of(&config)?;
        let connected = client::connect(&config, &endpoint).await?;
        let prefix = match config.trimmed_prefix() {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        let sign_payload = match config.payload_signing {
            PayloadSigning::WhenPlaintext => endpoint.plaintext,
            PayloadSigning::Always => true,
            PayloadSigning::Never => false,
        };
        Ok(Self {
            bucket: Arc::new(Bucket {
                client: connected.client,
                prefix,
                region: connected.region,
                sign_payload,
                clock: connected.clock,
                create_only: Known::new(endpoint.is_aws()),
                config,
            }),
        })
    }
}

impl Bucket {
    fn name(&self) -> &str {
        &self.config.bucket
    }

    /// The key in the bucket of a key of this store.
    fn full(&self, key: &str) -> Result<String, StoreError> {
        key::check(key)?;
        let full = format!("{}{key}", self.prefix);
        if full.len() > key::MAX_KEY {
            return Err(StoreError::InvalidKey {
                key: crate::error::shown_key(key),
                why: "with the store's prefix it is longer than 1024 bytes",
            });
        }
        Ok(full)
    }

    /// The key of this store of a key in the bucket; none if it is not ours.
    fn relative<'a>(&self, full: &'a str) -> Option<&'a str> {
        full.strip_prefix(&self.prefix)
    }

    fn checksums(&self) -> bool {
        self.config.checksums == Checksums::WhenSupported
    }

    fn fault_at(&self, fault: Fault, operation: Operation, key: &str) -> StoreError {
        let place = Place {
            bucket: self.name(),
            region: &self.region,
            clock_offset: self.clock.seconds(),
        };
        let fault = match &self.config.credentials {
            Credentials::Static { access_key_id, .. } => fault.without(access_key_id),
            Credentials::Ambient => fault,
        };
        fault.explain(Context::new(operation).key(key), &place)
    }

    fn explain<E>(&self, error: &SdkError<E, HttpResponse>, operation: Operation, key: &str) -> StoreError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        self.fault_at(Fault::of(error), operation, key)
    }
}

#[async_trait]
impl Store for S3Store {
    fn location(&self) -> String {
        let prefix = self.bucket.prefix.trim_end_matches('/');
        let slash = if prefix.is_empty() { "" } else { "/" };
        format!("s3://{}{slash}{prefix}", self.bucket.name())
    }

    fn clock_offset(&self) -> Option<i64> {
        self.bucket.clock.seconds()
    }

    async fn put(&self, key: &str, body: Bytes, mode: PutMode) -> Result<ObjectMeta, StoreError> {
        put::put(&self.bucket, key, body, mode).await
    }

    async fn upload(&self, key: &str) -> Result<Box<dyn Upload>, StoreError> {
        let upload = upload::S3Upload::begin(Arc::clone(&self.bucket), key).await?;
        Ok(Box::new(upload))
    }

    async fn get(&self, key: &str, range: GetRange) -> Result<GetObject, StoreError> {
        get::get(Arc::clone(&self.bucket), key, range).await
    }

    async fn head(&self, key: &str) -> Result<ObjectMeta, StoreError> {
        Ok(self.bucket.describe(key, Operation::Head).await?.meta)
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StoreError> {
        list::page(&self.bucket, prefix, after).await
    }

    async fn list_prefixes(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        list::folders(&self.bucket, prefix).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        delete::delete(&self.bucket, key).await
    }

    async fn list_uploads(&self, prefix: &str) -> Result<Vec<UploadMeta>, StoreError> {
        uploads::list(&self.bucket, prefix).await
    }

    async fn abort_upload(&self, upload: &UploadMeta) -> Result<(), StoreError> {
        uploads::abort(&self.bucket, &upload.key, &upload.upload_id).await
    }

    async fn creates_only(&self, key: &str, there: Bytes) -> Result<CreateOnly, StoreError> {
        create_again::ask(&self.bucket, key, there).await
    }
}

impl fmt::Debug for S3Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("S3Store").field(&self.location()).finish()
    }
}
