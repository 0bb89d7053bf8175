//! Why the operator could not start or had to end.

use std::net::SocketAddr;

use thiserror::Error;

use crate::settings::SettingsError;

/// Why the operator could not start or had to end.
#[derive(Debug, Error)]
pub enum RunError {
    /// The settings contradict each other.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// No way to the API server: neither in-cluster credentials nor a kubeconfig.
    #[error("cannot find out how to reach the Kubernetes API server: run in a pod, or set KUBECONFIG")]
    InferConfig(#[source] Box<kube::config::InferConfigError>),
    /// The client cannot be built from what was found.
    #[error("cannot set up the client for the Kubernetes API server")]
    BuildClient(#[source] Box<kube::Error>),
    /// A port is taken or not allowed.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The operating system refused a signal handler.
    #[error("cannot wait for signals")]
    Signals(#[source] std::io::Error),
    /// A part of the operator that runs for ever ended.
    #[error("{0} ended unexpectedly")]
    Ended(&'static str),
}
