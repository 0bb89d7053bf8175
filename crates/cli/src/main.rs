//! `etcd-backup`: the operator, and the verbs people type.

mod args;
mod clock;
mod commands;
mod connection;
mod exit;
mod go_duration;
mod interrupt;
mod logs;
mod output;
mod panic;
mod part;
mod progress;
mod size;
mod store;

use std::process::ExitCode;

fn main() -> ExitCode {
    panic::tell_only_where();
    // One TLS library for etcd, S3 and Kubernetes, chosen before the first of them asks. It fails only when one is chosen already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match commands::run(args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
