//! How fast and in how much memory a snapshot is restored: `restore_throughput FILE TARGET [BUMP]`.
//!
//! Prints one line of JSON. The peak of anonymous memory is sampled, as the system only keeps that of all memory, which
//! counts what is cached of files.
#![allow(clippy::print_stdout, reason = "printing is all it is for")]

use std::error::Error;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use etcd_backup_snapshot::restore::cluster::InitialCluster;
use etcd_backup_snapshot::restore::{Control, Request, Source, Target, restore};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || {
        arguments
            .next()
            .ok_or("usage: restore_throughput FILE TARGET [BUMP]")
    };
    let (path, data_dir) = (next()?, PathBuf::from(next()?));
    let bump = next().map_or(Ok(1_000_000_000), |bump| bump.parse())?;
    let target = Target {
        name: "m0".to_owned(),
        data_dir,
        wal_dir: None,
    };
    let cluster = InitialCluster::parse("m0=http://127.0.0.1:2380")?;
    let mut request = Request::new(cluster, vec![target], [1; 16]);
    request.bump_revision = bump;

    let file = File::open(&path)?;
    let (peak, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let started = Instant::now();
    let (seconds, restored) = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                peak.fetch_max(anonymous_kib().unwrap_or(0), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let restored = restore(Source::File(file), &request, Control::default());
        let seconds = started.elapsed().as_secs_f64();
        done.store(true, Ordering::Relaxed);
        Ok::<_, Box<dyn Error>>((seconds, restored?))
    })?;
    println!(
        r#"{{"seconds":{seconds:.3},"peakAnonymousKiB":{},"revision":{},"hashKV":{}}}"#,
        peak.into_inner(),
        restored.revision,
        restored
            .hash_kv
            .map_or("null".into(), |hash| hash.hash.to_string()),
    );
    Ok(())
}

/// Anonymous memory of this process now.
fn anonymous_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("RssAnon:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
