//! How fast and in how much memory a snapshot is verified: `verify_throughput FILE [RUNS]`.
//!
//! Prints one line of JSON for each run. The peak is the process's (`VmHWM`), so it is the first run's that counts.
#![allow(clippy::print_stdout, reason = "printing is all it is for")]

use std::error::Error;
use std::fs::File;
use std::time::Instant;

use etcd_backup_snapshot::{StatusJson, verify_reader};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: verify_throughput FILE [RUNS]")?;
    let runs: u32 = arguments.next().map_or(Ok(1), |runs| runs.parse())?;
    for _ in 0..runs {
        let started = Instant::now();
        let report = verify_reader(File::open(&path)?)?;
        let seconds = started.elapsed().as_secs_f64();
        #[allow(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = report.size as f64 / 1e6 / seconds;
        let status = serde_json::to_string(&StatusJson::from(&report.status))?;
        let hash_kv = report.hash_kv.map_or("null".into(), |hash| hash.hash.to_string());
        println!(
            r#"{{"megabytesPerSecond":{rate:.0},"seconds":{seconds:.3},"peakKiB":{},"hashKV":{hash_kv},"compactRevision":{},"totalItems":{},"status":{status}}}"#,
            peak_kib().unwrap_or(0),
            report.compact_revision,
            report.status.total_items,
        );
    }
    Ok(())
}

/// Peak resident memory of this process, where the system says it.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
