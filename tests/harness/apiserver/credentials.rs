//! Certificates, keys, tokens and kubeconfig files of an API server.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use rcgen::KeyPair;
use serde_json::json;

use crate::tls::{Authority, Files};

const ADMIN_TOKEN: &str = "admin-of-the-test";

/// Everything that proves who someone is, as files.
#[derive(Debug)]
pub(super) struct Credentials {
    /// A kubeconfig file that may do everything.
    pub(super) admin: PathBuf,
    /// The certificate of who signed the server's.
    pub(super) authority: PathBuf,
    /// What service accounts' tokens are signed with.
    pub(super) signing_key: PathBuf,
    url: String,
    server: Files,
    verifying_key: PathBuf,
    tokens: PathBuf,
}

impl Credentials {
    /// Makes them, with a certificate for a server of these host names and addresses.
    pub(super) fn write(folder: &Path, url: &str, names: &[&str]) -> Result<Self> {
        let signer = KeyPair::generate().context("generate the key of service account tokens")?;
        let authority = Authority::new("apiserver-test-ca")?;
        let credentials = Self {
            admin: folder.join("admin.kubeconfig"),
            url: url.to_owned(),
            authority: folder.join("ca.crt"),
            server: authority.server(names)?.write(folder, "server")?,
            signing_key: folder.join("service-accounts.key"),
            verifying_key: folder.join("service-accounts.pub"),
            tokens: folder.join("tokens.csv"),
        };
        let tokens = format!("{ADMIN_TOKEN},admin,admin,system:masters\n");
        for (path, content) in [
            (&credentials.authority, authority.pem()),
            (&credentials.signing_key, signer.serialize_pem()),
            (&credentials.verifying_key, signer.public_key_pem()),
            (&credentials.tokens, tokens),
        ] {
            fs::write(path, content).with_context(|| format!("write {}", path.display()))?;
        }
        credentials.kubeconfig(&credentials.admin, ADMIN_TOKEN)?;
        Ok(credentials)
    }

    pub(super) fn flags(&self) -> Vec<String> {
        [
            ("tls-cert-file", &self.server.cert),
            ("tls-private-key-file", &self.server.key),
            ("service-account-signing-key-file", &self.signing_key),
            ("service-account-key-file", &self.verifying_key),
            ("token-auth-file", &self.tokens),
        ]
        .map(|(flag, path)| format!("--{flag}={}", path.display()))
        .to_vec()
    }

    /// Writes a kubeconfig file with a token. JSON is YAML.
    pub(super) fn kubeconfig(&self, path: &Path, token: &str) -> Result<()> {
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": self.url, "certificate-authority": self.authority}}],
            "users": [{"name": "test", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        });
        fs::write(path, config.to_string()).with_context(|| format!("write {}", path.display()))
    }
}
