//! protoc, which etcd-client's build needs: the machine's own, else the one that the crate `protoc-bin-vendored`
//! carries, put where the script `tools/protoc` looks.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::id,
};

use anyhow::{Context, Result};

use crate::say;

/// Makes sure that `tools/protoc` finds one. Says where, unless `quiet`.
pub fn provide(quiet: bool) -> Result<()> {
    let search = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&search)
        .map(|dir| dir.join("protoc"))
        .find(|path| path.is_file());
    let place = crate::cache().join("tools/protoc");
    let program = place.join("bin/protoc");
    let (path, origin) = match on_path {
        Some(path) => (path, "PATH"),
        None if program.is_file() => (program, "provided"),
        None => {
            copy_to(&place)?;
            (program, "provided now")
        }
    };
    if !quiet {
        say!("  {:<25} {origin}: {}", "protoc", path.display());
    }
    Ok(())
}

fn copy_to(place: &Path) -> Result<()> {
    const HINT: &str =
        "no protoc for this platform is carried along; on Debian: apt-get install protobuf-compiler";
    let program = protoc_bin_vendored::protoc_bin_path().context(HINT)?;
    let include = protoc_bin_vendored::include_path().context(HINT)?;
    copy_folder(&include, &place.join("include"))?;
    let bin = place.join("bin");
    fs::create_dir_all(&bin).with_context(|| format!("make {}", bin.display()))?;
    let unfinished = bin.join(format!(".protoc-{}", id()));
    fs::copy(&program, &unfinished).context("copy protoc")?;
    fs::rename(&unfinished, bin.join("protoc")).context("put protoc in place")
}

/// Copies a folder's files; small ones, and the same every time.
fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("list {}", from.display()))? {
        let entry = entry?;
        let target: PathBuf = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| format!("copy to {}", target.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_carried_protoc_and_the_types_it_includes_are_copied() {
        let place = tempfile::tempdir().unwrap();
        copy_to(place.path()).unwrap();
        assert!(place.path().join("bin/protoc").is_file());
        assert!(
            place
                .path()
                .join("include/google/protobuf/timestamp.proto")
                .is_file()
        );
    }
}
