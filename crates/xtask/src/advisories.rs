//! What is known against the dependencies. It needs the network, so it is no part of a tier: whether a change is right must not
//! depend on what somebody publishes elsewhere on that day.

use std::process::Command;

use anyhow::Result;
use xtask::{root, tools};

use crate::cargo::run;

/// Fetches the database of RustSec, and fails when it knows of something that `deny.toml` does not excuse.
pub(crate) fn check() -> Result<()> {
    let deny = tools::cargo_deny::provide(true)?;
    let mut command = Command::new(deny);
    command.current_dir(root());
    run(command.args(["--all-features", "check", "advisories"]))
}
