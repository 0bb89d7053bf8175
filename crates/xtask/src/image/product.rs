//! The image of the product, laid out as the Dockerfile does.

use std::path::Path;

use anyhow::Result;

use super::Image;

/// The name it has unless another is chosen: not that of a release, since it is not one.
pub const DEFAULT_NAME: &str = concat!("localhost/etcd-backup:", env!("CARGO_PKG_VERSION"));

/// Where distributions keep the authorities that everyone trusts.
const AUTHORITIES: [&str; 2] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
];

/// `etcd-backup`, as the Dockerfile makes it: its path, user, entry point and labels.
pub fn etcd_backup(binary: &Path, name: &str) -> Result<Image> {
    const PROGRAM: &str = "/usr/local/bin/etcd-backup";
    let mut image = Image::new(name)
        .program(binary, PROGRAM)?
        .text(
            "/etc/passwd",
            "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n",
        )
        .text("/etc/group", "root:x:0:\nnonroot:x:65532:\n")
        .text("/etc/nsswitch.conf", "hosts: files dns\n");
    // Without any, only stores that bring their own authority can be spoken to.
    if let Some(bundle) = AUTHORITIES.map(Path::new).into_iter().find(|path| path.is_file()) {
        image = image.copy(bundle, AUTHORITIES[0]);
    }
    Ok(image
        .label("org.opencontainers.image.title", "etcd-backup")
        .label(
            "org.opencontainers.image.description",
            "Backs up etcd to object storage, and proves it",
        )
        .label("org.opencontainers.image.source", env!("CARGO_PKG_REPOSITORY"))
        .label("org.opencontainers.image.licenses", env!("CARGO_PKG_LICENSE"))
        .user("65532:65532")
        .entrypoint([PROGRAM])
        .command(["operator"]))
}
