//! The flags about a store, and what they mean.

use std::{env, fs, path::PathBuf, sync::Arc};

use clap::{Args, ValueEnum};
use etcd_backup_backup::{layout::PlanKey, manifest::Compression, write::Recipients};
use etcd_backup_etcd::DialPolicy;
use etcd_backup_store::{LocalStore, S3Config, S3Store, Store};

use super::{super::destination::Destination, of_store};
use crate::exit::{Exit, Failure};

/// How to reach the store, and what to write there. Credentials are found as by the AWS tools: `AWS_ACCESS_KEY_ID`, `AWS_PROFILE`, a web identity, …
#[derive(Debug, Args)]
#[command(next_help_heading = "Store")]
pub(in super::super) struct StoreOptions {
    /// The plan to file it under. A plan that belongs to an operator is refused [default: manual/<this host's name>]
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = plan)]
    plan: Option<PlanKey>,

    /// The server, where it is not Amazon's [env: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL]
    #[arg(long = "s3-endpoint-url", visible_alias = "endpoint-url", value_name = "URL")]
    endpoint_url: Option<String>,

    /// The bucket's region [env: AWS_REGION or AWS_DEFAULT_REGION]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,

    /// https://host/bucket instead of https://bucket.host; the default with --endpoint-url
    #[arg(long)]
    force_path_style: bool,

    /// Certificates of the CA that signed the server's certificate
    #[arg(long, env = "AWS_CA_BUNDLE", value_name = "FILE")]
    s3_cacert: Option<PathBuf>,

    /// Speak plain http to the server
    #[arg(long)]
    allow_http: bool,

    /// Storage class of what is written
    #[arg(long, value_name = "CLASS")]
    storage_class: Option<String>,

    /// How to compress
    #[arg(long, value_enum, default_value_t = Compress::Zstd)]
    compression: Compress,

    /// Encrypt to this age public key; may be given several times
    #[arg(long = "age-recipient", value_name = "KEY")]
    recipients: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Compress {
    /// zstd, level 1
    Zstd,
    /// Not at all
    None,
}

impl StoreOptions {
    pub(super) async fn open(&self, to: &Destination) -> Result<Arc<dyn Store>, Failure> {
        match to {
            Destination::S3 { bucket, prefix } => {
                let store = S3Store::new(self.s3(bucket, prefix)?)
                    .await
                    .map_err(|error| of_store(&error))?;
                Ok(Arc::new(store))
            }
            Destination::Directory(path) | Destination::File(path) => {
                let store = LocalStore::new(path).map_err(|error| of_store(&error))?;
                Ok(Arc::new(store))
            }
        }
    }

    /// The plan to file it under.
    pub(super) fn plan(&self) -> Result<PlanKey, Failure> {
        self.plan.clone().map_or_else(default_plan, Ok)
    }

    pub(super) fn compression(&self) -> Compression {
        match self.compression {
            Compress::Zstd => Compression::Zstd { level: 1 },
            Compress::None => Compression::None,
        }
    }

    fn s3(&self, bucket: &str, prefix: &str) -> Result<S3Config, Failure> {
        let mut config = S3Config::new(bucket);
        prefix.clone_into(&mut config.prefix);
        config.region = self
            .region
            .clone()
            .or_else(|| first(&["AWS_REGION", "AWS_DEFAULT_REGION"]));
        config.endpoint = self
            .endpoint_url
            .clone()
            .or_else(|| first(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]));
        config.path_style = self.force_path_style || config.endpoint.is_some();
        config.storage_class.clone_from(&self.storage_class);
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

    pub(super) fn recipients(&self) -> Result<Option<Recipients>, Failure> {
        if self.recipients.is_empty() {
            return Ok(None);
        }
        let recipients = Recipients::parse(&self.recipients);
        recipients
            .map(Some)
            .map_err(|error| Failure::new(Exit::Usage, format!("--age-recipient: {error}")))
    }
}

/// The first of these variables that is set.
fn first(names: &[&str]) -> Option<String> {
    names
        .iter()
        .find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()))
}

fn plan(text: &str) -> Result<PlanKey, String> {
    let (namespace, name) = text.split_once('/').ok_or("write NAMESPACE/NAME")?;
    PlanKey::new(namespace, name).map_err(|error| error.to_string())
}

/// `manual/<host>`: two hosts that save by hand do not mix.
fn default_plan() -> Result<PlanKey, Failure> {
    let host = ["/proc/sys/kernel/hostname", "/etc/hostname"]
        .iter()
        .find_map(|path| fs::read_to_string(path).ok())
        .or_else(|| first(&["HOSTNAME", "HOST"]))
        .unwrap_or_default();
    PlanKey::new("manual", label(&host))
        .map_err(|error| Failure::new(Exit::Usage, error).hint("give --plan NAMESPACE/NAME"))
}

/// A host's name as a Kubernetes name.
fn label(host: &str) -> String {
    let label: String = host
        .trim()
        .to_ascii_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(63)
        .collect();
    match label.trim_matches('-') {
        "" => "host".to_owned(),
        label => label.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_hosts_name_gives_a_plan() {
        for (host, expected) in [
            ("node-1", "node-1"),
            ("Node_1.Example.COM\n", "node-1-example-com"),
            ("", "host"),
            ("...", "host"),
        ] {
            assert_eq!(label(host), expected, "{host:?}");
            assert!(PlanKey::new("manual", label(host)).is_ok(), "{host:?}");
        }
        assert!(PlanKey::new("manual", label(&"x".repeat(300))).is_ok());
    }

    #[test]
    fn a_plan_is_a_namespace_and_a_name() {
        assert_eq!(
            plan("prod/main").map(|plan| plan.to_string()),
            Ok("prod/main".to_owned())
        );
        for wrong in ["", "main", "/main", "prod/", "../x", "a/b/c", "Prod/main"] {
            assert!(plan(wrong).is_err(), "{wrong}");
        }
    }
}
