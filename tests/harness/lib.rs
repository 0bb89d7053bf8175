//! Real servers for tests and the demo.
//!
//! Every server is a process on loopback, with ports nobody else of this machine's test runs uses, its files below
//! one temporary folder, and its output in a file there. A server ends when its value is dropped, also while a test
//! panics; what a killed test process leaves behind, a small watcher ends (see [`process`]).

pub mod apiserver;
pub mod bbolt;
pub mod binaries;
pub mod etcd;
pub mod etcdutl;
pub mod http;
pub mod informer;
pub mod kubectl;
pub mod machine;
pub mod operator;
pub mod oracle;
pub mod ports;
pub mod process;
pub mod prometheus;
pub mod proxy;
pub mod restorer;
pub mod rig;
pub mod runbook;
pub mod s3;
pub mod scratch;
pub mod tls;
pub mod versitygw;
pub mod wait;
