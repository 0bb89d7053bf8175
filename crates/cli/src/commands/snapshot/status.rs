//! `etcd-backup snapshot status`

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};

use clap::Args;
use etcd_backup_snapshot::{Report, StatusJson, VerifyError, verify_reader};

use crate::{
    exit::{Exit, Failure},
    output::{self, Format, print},
    size,
    store::plain,
};

/// Check a saved snapshot and say what it holds
///
/// The output is etcdutl's, and a snapshot that etcdutl would describe although its checksum does not match is refused: nothing is printed for a
/// file that is not sound from its first byte to its last.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The file; `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(crate) fn run(status: &Status, format: Option<Format>) -> Result<(), Failure> {
    let report = if status.file == Path::new("-") {
        read_stdin()
    } else {
        read_file(&status.file)
    }?;
    print(&show(&report, format.unwrap_or(Format::Simple))?)
}

/// Proves what comes on standard input.
pub(crate) fn read_stdin() -> Result<Report, Failure> {
    read(io::stdin().lock(), "standard input")
}

/// Proves a file.
pub(crate) fn read_file(path: &Path) -> Result<Report, Failure> {
    read(plain::open(path)?, &path.display().to_string())
}

fn read(reader: impl Read, name: &str) -> Result<Report, Failure> {
    verify_reader(reader).map_err(|error| match error {
        VerifyError::Read { source } => Failure::storage(format!("cannot read {name}"), &source),
        error @ VerifyError::Packed(_) => plain::packed(name, &error),
        error => {
            let failure = Failure::new(
                Exit::Unsound,
                format!("{name} is not sound ({}): {error}", error.reason()),
            );
            match error {
                VerifyError::TrailerTruncated { .. } | VerifyError::TrailingBytes { .. } => failure.hint(
                    "a file copied from a data directory has no checksum that could prove it: `inspect summary` looks into it, `restore --skip-hash-check` takes it",
                ),
                _ => failure,
            }
        }
    })
}

/// The report in one of the formats; simple, table, JSON and fields as etcdutl 3.6 prints them.
pub(crate) fn show(report: &Report, format: Format) -> Result<String, Failure> {
    let status = &report.status;
    let (hash, size) = (format!("{:x}", status.hash), size::human(status.total_size));
    let (revision, keys) = (status.revision.to_string(), status.total_keys.to_string());
    let version = status.storage_version.clone().unwrap_or_default();
    Ok(match format {
        Format::Simple => format!("{hash}, {revision}, {keys}, {size}, {version}\n"),
        Format::Table => output::boxed(&[
            ("HASH", hash),
            ("REVISION", revision),
            ("TOTAL KEYS", keys),
            ("TOTAL SIZE", size),
            ("VERSION", version),
        ]),
        Format::Json => output::json(&StatusJson::from(status))?,
        Format::Yaml => output::yaml(&StatusJson::from(status))?,
        Format::Fields => format!(
            "\"Hash\" : {}\n\"Revision\" : {revision}\n\"Keys\" : {keys}\n\"Size\" : {}\n\"Version\" : {version}\n",
            status.hash, status.total_size
        ),
        Format::Wide => details(report),
    })
}

fn details(report: &Report) -> String {
    let status = &report.status;
    let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "not recorded".to_owned());
    let hash_kv = report.hash_kv.map_or_else(
        || "not computed".to_owned(),
        |kv| {
            let compacted = match kv.compact_revision {
                ..=0 => "never compacted".to_owned(),
                revision => format!("compacted at {revision}"),
            };
            format!("{} at revision {}, {compacted}", kv.hash, kv.revision)
        },
    );
    let rows = [
        ("hash", format!("{:x}", status.hash)),
        ("revision", status.revision.to_string()),
        ("compacted at", report.compact_revision.to_string()),
        ("keys", status.total_keys.to_string()),
        (
            "entries of all buckets",
            format!("{} (what etcdutl 3.5 calls keys)", status.total_items),
        ),
        (
            "database",
            format!("{} bytes in pages of {}", status.total_size, report.page_size),
        ),
        ("file", format!("{} bytes", report.size)),
        ("SHA-256", hex::encode(report.sha256)),
        ("HashKV", hash_kv),
        (
            "raft",
            format!("index {}, term {}", report.raft_index, report.raft_term),
        ),
        ("cluster version", known(&report.cluster_version)),
        ("storage version", known(&status.storage_version)),
    ];
    let mut lines: Vec<String> = rows
        .iter()
        .map(|(name, value)| format!("{name:<24}{value}\n"))
        .collect();
    if let Some(target) = &report.downgrade_target {
        lines.push(format!("{:<24}to {target} was under way\n", "downgrade"));
    }
    lines.push(format!(
        "{:<24}checksum, structure and records are sound\n",
        "verified"
    ));
    lines.concat()
}
