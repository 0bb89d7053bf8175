//! A layer: files and the folders above them, as an archive.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use tar::{Builder, EntryType, Header};

/// The mode of a program.
pub(super) const EXECUTABLE: u32 = 0o755;
/// The mode of everything else.
pub(super) const READABLE: u32 = 0o644;

/// Files by their path in the image.
#[derive(Debug, Clone, Default)]
pub(super) struct Layer {
    files: BTreeMap<PathBuf, (Content, u32)>,
}

#[derive(Debug, Clone)]
enum Content {
    Copy(PathBuf),
    Text(String),
}

impl Layer {
    pub(super) fn copy(&mut self, source: &Path, place: &Path, mode: u32) {
        let content = Content::Copy(source.to_path_buf());
        self.files.insert(relative(place), (content, mode));
    }

    pub(super) fn text(&mut self, place: &Path, content: &str) {
        let content = Content::Text(content.to_owned());
        self.files.insert(relative(place), (content, READABLE));
    }

    /// Writes the archive: folders first, then files, each in order.
    pub(super) fn write(&self, output: impl Write) -> Result<()> {
        let mut archive = Builder::new(output);
        for (folder, mode) in self.folders() {
            let mut header = header(EntryType::Directory, 0, mode);
            archive.append_data(&mut header, folder, io::empty())?;
        }
        for (place, (content, mode)) in &self.files {
            match content {
                Content::Text(text) => {
                    let mut header = header(EntryType::Regular, text.len() as u64, *mode);
                    archive.append_data(&mut header, place, text.as_bytes())?;
                }
                Content::Copy(source) => {
                    let file = File::open(source).with_context(|| format!("open {}", source.display()))?;
                    let size = file
                        .metadata()
                        .with_context(|| format!("look at {}", source.display()))?
                        .len();
                    let mut header = header(EntryType::Regular, size, *mode);
                    archive
                        .append_data(&mut header, place, file)
                        .with_context(|| format!("copy {}", source.display()))?;
                }
            }
        }
        archive.into_inner()?.flush().context("write the layer")
    }

    /// Every folder above a file, and `/tmp`, where everyone may write.
    fn folders(&self) -> impl Iterator<Item = (PathBuf, u32)> {
        let above = self.files.keys().flat_map(|place| place.ancestors().skip(1));
        let folders: BTreeSet<_> = above
            .filter(|folder| *folder != Path::new(""))
            .map(Path::to_path_buf)
            .collect();
        folders
            .into_iter()
            .map(|folder| (folder, EXECUTABLE))
            .chain([(PathBuf::from("tmp"), 0o1777)])
    }
}

/// Paths in a layer are relative to its root.
fn relative(place: &Path) -> PathBuf {
    place.strip_prefix("/").unwrap_or(place).to_path_buf()
}

/// Of nobody in particular, at no time.
pub(super) fn header(kind: EntryType, size: u64, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}
