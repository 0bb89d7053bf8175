//! The flags about a store, and what they mean.

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use etcd_backup_backup::catalogue::CatalogueError;
use etcd_backup_etcd::DialPolicy;
use etcd_backup_store::{LocalStore, S3Config, S3Store, Store, StoreError, s3::Profile};

use super::Address;
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

/// A store that failed, with a way out where there is one.
pub(crate) fn of_store(error: &StoreError) -> Failure {
    match error {
        // The fields are the resources'; here they are flags.
        StoreError::InvalidConfig { field, why } => {
            let failure = Failure::new(Exit::Usage, format!("{}: {why}", flag(field)));
            if why.contains("allowHttp") {
                failure.hint("--allow-http sets allowHttp")
            } else {
                failure
            }
        }
        StoreError::EndpointRefused { .. } | StoreError::InvalidKey { .. } => {
            hinted(Failure::of(Exit::Usage, error), error.reason())
        }
        _ => hinted(Failure::of(Exit::Storage, error), error.reason()),
    }
}

fn flag(field: &str) -> &str {
    match field {
        "endpoint" => "--endpoint-url",
        "region" => "--region",
        "storageClass" => "--storage-class",
        "caBundle" => "--s3-cacert",
        other => other,
    }
}

/// A store of which it is not known what it holds.
pub(crate) fn of_catalogue(error: &CatalogueError) -> Failure {
    hinted(Failure::of(Exit::Storage, error), error.reason())
}

/// Adds a way out, by the stable word for what is wrong.
pub(crate) fn hinted(failure: Failure, reason: &str) -> Failure {
    match reason {
        "InvalidCredentials" | "MissingCredentials" => failure.hint(
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN, if they are temporary), or AWS_PROFILE",
        ),
        "NoSuchBucket" => failure.hint(
            "check the name, or create it first: this program never creates a bucket or a store's directory",
        ),
        "EndpointRefused" => failure.hint("write --endpoint-url as https://minio.example:9000"),
        "CertificateInvalid" => failure.hint("--s3-cacert (or AWS_CA_BUNDLE) names the CA that signed it"),
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use etcd_backup_store::{Context, Operation, error::Cause};

    use super::*;

    async fn refused(change: impl FnOnce(&mut S3Config)) -> String {
        let mut config = S3Config::new("bucket");
        config.policy = DialPolicy::allow_all();
        change(&mut config);
        config.ambient_endpoints.extend(config.endpoint.clone());
        let Err(error) = S3Store::new(config).await else {
            panic!("accepted");
        };
        format!("{:?}", of_store(&error))
    }

    #[tokio::test]
    async fn what_is_mistyped_about_a_store_is_named_by_its_flag_with_the_cause() {
        let endpoint =
            |text: &'static str| move |config: &mut S3Config| config.endpoint = Some(text.to_owned());
        for (told, expected) in [
            (
                refused(endpoint("http://minio.example")).await,
                ["--endpoint-url: it is plain http", "--allow-http"],
            ),
            (
                refused(endpoint("minio.example:9000")).await,
                ["write http:// or https://", "--endpoint-url as"],
            ),
            (
                refused(endpoint("10.0.0.1:9000")).await,
                ["not a URL", "--endpoint-url as"],
            ),
            (
                refused(|config| config.region = Some("eu west".to_owned())).await,
                ["--region: it must be", "Usage"],
            ),
            (
                refused(|config| config.ca_pem = Some(b"no PEM".to_vec())).await,
                ["--s3-cacert: it holds no certificate", "Usage"],
            ),
            (
                refused(|config| config.prefix = "a//b".to_owned()).await,
                ["empty segment", "Usage"],
            ),
        ] {
            assert!(
                told.contains("Usage") && expected.iter().all(|words| told.contains(words)),
                "{told}"
            );
        }
    }

    #[test]
    fn a_store_that_cannot_be_reached_is_told_with_what_the_system_said() {
        let at = || Context::new(Operation::List).boxed();
        let cause = || Cause::new("Connection refused");
        for error in [
            StoreError::Unavailable {
                at: at(),
                source: cause(),
            },
            StoreError::CertificateInvalid {
                at: at(),
                source: cause(),
            },
        ] {
            let told = format!("{:?}", of_catalogue(&CatalogueError::List(error)));
            assert!(
                told.contains("Storage") && told.contains("Connection refused"),
                "{told}"
            );
        }
    }

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
