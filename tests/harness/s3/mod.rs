//! An S3 server in this process, real on the wire, that can be told to misbehave.
//!
//! Requests are authenticated (SigV4), parsed and answered by `s3s`; objects live in memory. Two things make it
//! a tester: [`Quirks`], what kind of server it is, and a [`Plan`], which says what goes wrong with which request.
//! Faults happen where they happen in life: on the wire before and after the server, or between its checking of
//! what arrived and its storing of it.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use harness::s3::{Fault, Operation, S3Server};
//!
//! let server = S3Server::start("backups").await?;
//! // The second part's connection breaks after the part was stored.
//! server.plan().on(Operation::UploadPart).skip(1).times(1).fails(Fault::ApplyThenDrop);
//! # Ok(())
//! # }
//! ```

mod answer;
mod body;
mod fault;
mod listing;
mod multipart;
mod objects;
mod pace;
mod quirks;
mod request;
mod service;
mod state;
mod wire;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use fault::{Damage, Fault, ListFault, Plan, RuleBuilder};
pub use quirks::{Conditions, Quirks};
pub use request::{Operation, Seen};

use state::State;

/// The server; it ends, with all its connections, when dropped.
#[derive(Debug)]
pub struct S3Server {
    /// Where it listens, such as `http://127.0.0.1:16001`.
    pub endpoint: String,
    state: Arc<State>,
    plan: Plan,
    accepting: JoinHandle<()>,
}

impl S3Server {
    /// The region it is in. It takes requests signed for any.
    pub const REGION: &str = "us-east-1";
    /// The key id it knows. Unlike any other text, so that it can be searched for where it must not be.
    pub const ACCESS_KEY: &str = "CANARYKEYID7F3A";
    /// The secret that goes with it.
    pub const SECRET_KEY: &str = "canary-secret-5d1c9b";

    /// A server as AWS would have it, with this bucket.
    pub async fn start(bucket: &str) -> Result<Self> {
        Self::start_with(bucket, Quirks::default()).await
    }

    /// A server with peculiarities, with this bucket.
    pub async fn start_with(bucket: &str, quirks: Quirks) -> Result<Self> {
        Self::listen("127.0.0.1:0", bucket, quirks).await
    }

    /// A server at an address of one's choice: `[::1]:0`, say.
    pub async fn listen(address: &str, bucket: &str, quirks: Quirks) -> Result<Self> {
        let listener = TcpListener::bind(address).await.context("listen")?;
        let address = listener.local_addr().context("ask for the port")?;
        let state = Arc::new(State::new(bucket, quirks));
        let plan = Plan::default();
        let service = service::authenticated(Arc::clone(&state), Self::ACCESS_KEY, Self::SECRET_KEY);
        let accepting = tokio::spawn(wire::serve(listener, service, plan.clone()));
        Ok(Self {
            endpoint: format!("http://{address}"),
            state,
            plan,
            accepting,
        })
    }

    /// What goes wrong, and what was asked so far.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Every object as it is held now, by its full key. Bytes that were discarded are not in it.
    pub fn objects(&self) -> BTreeMap<String, Bytes> {
        self.state.contents()
    }

    /// Writes every object as a file below `folder`, by its key.
    pub fn save(&self, folder: &Path) -> Result<()> {
        for (key, bytes) in self.objects() {
            let path = folder.join(key);
            fs::create_dir_all(path.parent().context("a key has a folder")?)?;
            fs::write(path, bytes).context("write an object down")?;
        }
        Ok(())
    }

    /// Puts an object there without asking the server: another tenant's, or one changed behind our back.
    pub fn plant(&self, key: &str, body: impl Into<Bytes>) {
        self.state.plant(key, body.into());
    }

    /// Takes an object away without asking the server.
    pub fn vanish(&self, key: &str) {
        self.state.vanish(key);
    }

    /// Ids of the uploads that were begun and not ended.
    pub fn open_uploads(&self) -> Vec<String> {
        self.state.open_uploads()
    }

    /// Removes the bucket with all that is in it.
    pub fn remove_bucket(&self) {
        self.state.remove_bucket();
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
