//! Files that are generated and committed, so that they can be read and reviewed; a check keeps them current.

mod fields;
mod help;

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, bail};
use xtask::{root, say, tools};

use crate::cargo::{cargo, run};

/// File name → content.
type Files = BTreeMap<String, String>;

/// `crds/`, from the types of crates/api.
pub(crate) fn crds(check: bool) -> Result<()> {
    let place = tempfile::tempdir().context("make a temporary folder")?;
    run(cargo()
        .args([
            "run",
            "--quiet",
            "--package",
            "etcd-backup-api",
            "--bin",
            "crdgen",
            "--",
        ])
        .arg(place.path()))?;
    settle("crds", &read(place.path())?, check)
}

/// `docs/reference/`, from `crds/` and from what the program says of itself.
pub(crate) fn docs(check: bool) -> Result<()> {
    tools::protoc::provide(true)?;
    let mut files = Files::new();
    for (name, text) in read(&root().join("crds"))? {
        if let Some((kind, page)) = fields::page(&text).with_context(|| format!("read crds/{name}"))? {
            files.insert(format!("{}.md", kind.to_lowercase()), page);
        }
    }
    files.insert("command-line.md".to_owned(), help::page()?);
    settle("docs/reference", &files, check)
}

/// The files of a folder, without its sub-folders.
fn read(folder: &Path) -> Result<Files> {
    let mut files = Files::new();
    let entries = fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_file() {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            files.insert(
                name,
                fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?,
            );
        }
    }
    Ok(files)
}

/// Writes the files, or fails when they are not there already. A file that is no longer generated is removed.
fn settle(folder: &str, wanted: &Files, check: bool) -> Result<()> {
    let path = root().join(folder);
    let present = if path.is_dir() { read(&path)? } else { Files::new() };
    let differs = |name: &&String| present.get(*name) != wanted.get(*name);
    let new = wanted.keys().filter(|name| !present.contains_key(*name));
    let stale: Vec<_> = present.keys().chain(new).filter(differs).collect();
    if stale.is_empty() {
        say!("  {folder} is current");
        return Ok(());
    }
    if check {
        let task = if folder == "crds" { "crds" } else { "docs" };
        bail!(
            "{folder} is not current ({}): run 'cargo xtask {task}' and commit",
            list(&stale)
        );
    }
    fs::create_dir_all(&path).with_context(|| format!("make {folder}"))?;
    for name in &stale {
        let file = path.join(name);
        let done = match wanted.get(*name) {
            Some(text) => fs::write(&file, text),
            None => fs::remove_file(&file),
        };
        done.with_context(|| format!("renew {}", file.display()))?;
    }
    say!("  {folder} renewed: {}", list(&stale));
    Ok(())
}

fn list(names: &[&String]) -> String {
    names
        .iter()
        .map(|name| name.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}
