//! The flags about a store, and what they mean.

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use etcd_backup_etcd::DialPolicy;
use etcd_backup_store::{LocalStore, S3Config, S3Store, Store, s3::Profile};

use super::{Address, failure::of_store};
use crate::{
    exit::{Exit, Failure},
    path::path,
};

/// How to reach the store. Credentials are found as by the AWS tools: `AWS_ACCESS_KEY_ID`, `AWS_PROFILE`, a web identity, …
#[derive(Debug, Args)]
#[command(next_help_heading = "Store")]
pub(crate) struct StoreFlags {
    /// The server, where it is not Amazon's [env: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, else the profile's endpoint_url]
    #[arg(long = "s3-endpoint-url", visible_alias = "endpoint-url", value_name = "URL")]
    endpoint_url: Option<String>,

    /// The bucket's region [env: AWS_REGION or AWS_DEFAULT_REGION, else the profile's]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,

    /// https://host/bucket instead of https://bucket.host; the default with --endpoint-url
    #[arg(long)]
    force_path_style: bool,

    /// Certificates of the CA that signed the server's certificate
    #[arg(long, env = "AWS_CA_BUNDLE", value_parser = path(), value_name = "FILE")]
    s3_cacert: Option<PathBuf>,

    /// Speak plain http to the server
    #[arg(long)]
    allow_http: bool,
}

impl StoreFlags {
    /// The store at an address; `storage_class` is for what is written there.
    pub(crate) async fn open(
        &self,
        address: &Address,
        storage_class: Option<&str>,
    ) -> Result<Arc<dyn Store>, Failure> {
        match address {
            Address::S3 { bucket, prefix } => {
                let mut config = self.s3(bucket, prefix, Profile::read().await)?;
                config.storage_class = storage_class.map(ToOwned::to_owned);
                let store = S3Store::new(config).await.map_err(|error| of_store(&error))?;
                Ok(Arc::new(store))
            }
            Address::Directory(path) | Address::File(path) => {
                let store = LocalStore::new(from_root(path)?).map_err(|error| of_store(&error))?;
                Ok(Arc::new(store))
            }
        }
    }

    fn s3(&self, bucket: &str, prefix: &str, profile: Profile) -> Result<S3Config, Failure> {
        let mut config = S3Config::new(bucket);
        prefix.clone_into(&mut config.prefix);
        config.region = self
            .region
            .clone()
            .or_else(|| first(&["AWS_REGION", "AWS_DEFAULT_REGION"]))
            .or(profile.region);
        config.endpoint = self
            .endpoint_url
            .clone()
            .or_else(|| first(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]))
            .or(profile.endpoint);
        config.path_style = self.force_path_style || config.endpoint.is_some();
        config.allow_http = self.allow_http;
        // Whoever types the command may connect anywhere already, and chose who gets their credentials.
        config.policy = DialPolicy::allow_all();
        config.ambient_endpoints.extend(config.endpoint.clone());
        if let Some(path) = self
            .s3_cacert
            .as_ref()
            .filter(|path| !path.as_os_str().is_empty())
        {
            let pem = fs::read(path).map_err(|error| {
                Failure::new(Exit::Usage, format!("cannot read {}: {error}", path.display()))
            })?;
            config.ca_pem = Some(pem);
        }
        Ok(config)
    }
}

/// The store takes no relative path. Where nothing is at this one, the store says so.
fn from_root(path: &Path) -> Result<PathBuf, Failure> {
    if path.is_absolute() {
        return Ok(path.to_owned());
    }
    fs::canonicalize(path)
        .or_else(|_| std::path::absolute(path))
        .map_err(|error| Failure::storage(format!("cannot find {}", path.display()), &error))
}

/// The first of these variables that is set.
pub(crate) fn first(names: &[&str]) -> Option<String> {
    names
        .iter()
        .find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_may_be_named_from_where_one_is() {
        let here = env::current_dir().unwrap();
        for (typed, meant) in [
            ("/backups", PathBuf::from("/backups")),
            ("src", here.join("src")),
            ("src/..", here.clone()),
            ("not-there", here.join("not-there")),
        ] {
            assert_eq!(from_root(Path::new(typed)).unwrap(), meant, "{typed}");
        }
    }
}
