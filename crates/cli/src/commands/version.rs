//! `etcd-backup version`

use crate::{
    exit::Failure,
    output::{Format, print},
};

pub(crate) fn run(format: Option<Format>) -> Result<(), Failure> {
    let version = env!("CARGO_PKG_VERSION");
    print(&match format {
        Some(Format::Json) => format!("{}\n", serde_json::json!({ "version": version })),
        _ => format!("etcd-backup {version}\n"),
    })
}
