//! cargo-deny, which checks licences and the walls between crates.

use std::{env, path::PathBuf, process::Command, time::Instant};

use anyhow::{Context, Result, bail};

use crate::say;

/// The release that is built when the machine has none. Newer ones may word `deny.toml` differently.
const VERSION: &str = "0.20.2";

/// Where cargo-deny is; built into the user's cache when the machine has none.
pub fn provide(quiet: bool) -> Result<PathBuf> {
    let search = env::var_os("PATH").unwrap_or_default();
    let place = crate::cache().join("tools").join(format!("cargo-deny-{VERSION}"));
    let built = place.join("bin/cargo-deny");
    let on_path = env::split_paths(&search)
        .map(|dir| dir.join("cargo-deny"))
        .find(|path| path.is_file());
    let (path, origin) = match on_path {
        Some(path) => (path, "PATH"),
        None if built.is_file() => (built, "built"),
        None => {
            say!(
                "  {:<25} building {VERSION} (the first time takes some minutes) …",
                "cargo-deny"
            );
            let start = Instant::now();
            install(&place)?;
            say!("  {:<25} built in {} s", "cargo-deny", start.elapsed().as_secs());
            (built, "built now")
        }
    };
    if !quiet {
        say!("  {:<25} {origin}: {}", "cargo-deny", path.display());
    }
    Ok(path)
}

fn install(place: &std::path::Path) -> Result<()> {
    let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "install",
            "cargo-deny",
            "--locked",
            "--quiet",
            "--version",
            VERSION,
            "--root",
        ])
        .arg(place)
        // Its objects are of no use to this workspace.
        .env_remove("CARGO_TARGET_DIR")
        // Its own release is linked as a whole and optimised again, which takes longer than all its runs here.
        .envs([
            ("CARGO_PROFILE_RELEASE_LTO", "off"),
            ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
            ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
        ])
        .status()
        .context("start cargo")?;
    if !status.success() {
        bail!("cargo could not install cargo-deny {VERSION} ({status})");
    }
    Ok(())
}
