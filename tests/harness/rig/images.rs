//! Images that pods of tests use.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use xtask::image::Image;

use crate::{binaries, etcd::Version};

/// The image that holds a pod's namespaces open.
pub(super) const PAUSE: &str = "localhost/pause:1";

/// Any program that does nothing will do.
pub(super) fn pause() -> Result<Image> {
    let image = Image::new(PAUSE).program(&installed("sleep")?, "/bin/sleep")?;
    Ok(image
        .user("65532:65532")
        .entrypoint(["/bin/sleep"])
        .command(["infinity"]))
}

/// etcd with its tools, in `/usr/local/bin`.
pub fn etcd(version: Version) -> Result<Image> {
    let mut image = Image::new(&etcd_name(version));
    for program in ["etcd", "etcdctl", "etcdutl"] {
        let source = binaries::tool(version.set(), program)?;
        image = image.program(&source, &format!("/usr/local/bin/{program}"))?;
    }
    Ok(image.user("65532:65532").entrypoint(["/usr/local/bin/etcd"]))
}

/// What the image [`etcd`] is called.
pub fn etcd_name(version: Version) -> String {
    format!("localhost/etcd:{version}")
}

fn installed(program: &str) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(Path::new(&path))
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
        .with_context(|| format!("there is no {program}"))
}
