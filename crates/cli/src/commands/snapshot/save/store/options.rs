//! The flags about a store, and what they mean.

use std::{fs, sync::Arc};

use clap::{Args, ValueEnum};
use etcd_backup_backup::{layout::PlanKey, manifest::Compression, write::Recipients};
use etcd_backup_store::Store;

use crate::{
    exit::{Exit, Failure},
    store::{self, Address, StoreFlags, first},
};

/// How to reach a store, and what to write there.
#[derive(Debug, Args)]
#[command(next_help_heading = "Store")]
pub(in super::super) struct StoreOptions {
    /// The plan to file it under. A plan that belongs to an operator is refused [default: manual/<this host's name>]
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = store::plan)]
    plan: Option<PlanKey>,

    #[command(flatten)]
    reach: StoreFlags,

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
    pub(super) async fn open(&self, to: &Address) -> Result<Arc<dyn Store>, Failure> {
        self.reach.open(to, self.storage_class.as_deref()).await
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
}
