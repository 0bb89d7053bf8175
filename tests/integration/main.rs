//! Integration tests: our code against real servers. One file a subject; one binary, which links once.

mod cli;
mod components;
mod config;
mod crds;
mod demo;
mod etcd;
mod fixtures;
mod halt;
mod operator;
mod oracle;
mod recovery;
mod restore;
mod servers;
mod store;
