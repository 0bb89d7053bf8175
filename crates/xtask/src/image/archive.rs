//! The archive around a layer: its configuration and a manifest.

use std::{
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    path::Path,
};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType};

use super::{
    Image,
    layer::{READABLE, header},
};

pub(super) fn write(image: &Image, output: &Path) -> Result<()> {
    let mut hashed = Hashed {
        inner: tempfile::tempfile().context("make a temporary file")?,
        hash: Sha256::new(),
        size: 0,
    };
    image
        .layer
        .write(io::BufWriter::with_capacity(1 << 20, &mut hashed))?;
    let (mut layer, size) = (hashed.inner, hashed.size);
    let digest = hex::encode(hashed.hash.finalize());
    layer.seek(SeekFrom::Start(0)).context("read the layer back")?;

    let configuration = configuration(image, &digest).to_string();
    let configuration_name = format!("{}.json", hex::encode(Sha256::digest(&configuration)));
    let layer_name = format!("{digest}/layer.tar");
    let manifest =
        json!([{"Config": configuration_name, "RepoTags": [image.name], "Layers": [layer_name]}]).to_string();
    let file = File::create(output).context("make the file")?;
    let mut archive = Builder::new(io::BufWriter::new(file));
    for (name, text) in [
        (&*configuration_name, &configuration),
        ("manifest.json", &manifest),
    ] {
        let mut header = header(EntryType::Regular, text.len() as u64, READABLE);
        archive.append_data(&mut header, name, text.as_bytes())?;
    }
    let mut header = header(EntryType::Regular, size, READABLE);
    archive.append_data(&mut header, layer_name, layer)?;
    archive.into_inner()?.flush().context("write it")
}

/// What `docker inspect` shows, by the names of Docker's image specification 1.2.
fn configuration(image: &Image, layer: &str) -> Value {
    let labels: serde_json::Map<_, _> = image
        .labels
        .iter()
        .map(|(key, value)| (key.clone(), json!(value)))
        .collect();
    json!({
        "architecture": architecture(),
        "os": "linux",
        "config": {
            "User": image.user,
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "Entrypoint": image.entrypoint,
            "Cmd": image.command,
            "Labels": labels,
        },
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer}")]},
        "history": [{"created_by": "cargo xtask image"}],
    })
}

/// This machine's, in Go's words.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Counts and hashes what passes.
struct Hashed<W> {
    inner: W,
    hash: Sha256,
    size: u64,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, io::Read};

    use super::*;

    fn entries(reader: impl Read) -> BTreeMap<String, Vec<u8>> {
        let mut archive = tar::Archive::new(reader);
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            (entry.path().unwrap().display().to_string(), bytes)
        });
        entries.collect()
    }

    #[test]
    fn the_manifest_leads_to_a_configuration_and_a_layer_of_the_digests_they_name() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("image.tar");
        let image = Image::new("localhost/a:1")
            .text("/etc/passwd", "a:x:1:1::/:/none\n")
            .entrypoint(["/a"])
            .user("65532:65532");
        image.write(&output).unwrap();
        let first = std::fs::read(&output).unwrap();
        image.write(&output).unwrap();
        assert_eq!(
            std::fs::read(&output).unwrap(),
            first,
            "the same content, other bytes"
        );

        let files = entries(&*first);
        let manifest: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
        assert_eq!(manifest[0]["RepoTags"], json!(["localhost/a:1"]));
        let configuration = &files[manifest[0]["Config"].as_str().unwrap()];
        let layer = &files[manifest[0]["Layers"][0].as_str().unwrap()];
        let named = format!("{}.json", hex::encode(Sha256::digest(configuration)));
        assert_eq!(manifest[0]["Config"], named);
        let configuration: Value = serde_json::from_slice(configuration).unwrap();
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(layer)));
        assert_eq!(configuration["rootfs"]["diff_ids"], json!([digest]));
        assert_eq!(configuration["config"]["User"], "65532:65532");
        let layer = entries(&**layer);
        assert_eq!(layer.keys().collect::<Vec<_>>(), ["etc", "etc/passwd", "tmp"]);
    }
}
