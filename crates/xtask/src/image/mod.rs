//! Container images without a container engine.
//!
//! An [`Image`] has one layer: programs with the shared libraries they name, and small files. It is written as the
//! archive that `docker save` writes (the layout of Docker's image specification 1.2), which `docker load`,
//! `podman load` and `ctr images import` read.

mod archive;
mod layer;
mod libraries;
mod product;

use std::path::Path;

use anyhow::{Context, Result};

use layer::Layer;
pub use product::{DEFAULT_NAME, etcd_backup};

/// What becomes an image.
#[derive(Debug, Clone, Default)]
pub struct Image {
    name: String,
    entrypoint: Vec<String>,
    command: Vec<String>,
    user: String,
    labels: Vec<(String, String)>,
    layer: Layer,
}

impl Image {
    /// An empty one, with its name and tag, such as `localhost/etcd-backup:0.1.0`.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// Adds a program of this machine at a path of the image, and the shared libraries that it names where the dynamic
    /// loader found them.
    ///
    /// # Errors
    /// When a library is missing here.
    pub fn program(mut self, source: &Path, place: &str) -> Result<Self> {
        for library in libraries::of(source).with_context(|| format!("libraries of {}", source.display()))? {
            self.layer.copy(&library, &library, layer::EXECUTABLE);
        }
        self.layer.copy(source, Path::new(place), layer::EXECUTABLE);
        Ok(self)
    }

    /// Adds a file of this machine, readable by everyone.
    #[must_use]
    pub fn copy(mut self, source: &Path, place: &str) -> Self {
        self.layer.copy(source, Path::new(place), layer::READABLE);
        self
    }

    /// Adds a small file, readable by everyone.
    #[must_use]
    pub fn text(mut self, place: &str, content: &str) -> Self {
        self.layer.text(Path::new(place), content);
        self
    }

    /// What always runs.
    #[must_use]
    pub fn entrypoint<const N: usize>(mut self, words: [&str; N]) -> Self {
        self.entrypoint = words.map(str::to_owned).to_vec();
        self
    }

    /// Its arguments, unless others are given.
    #[must_use]
    pub fn command<const N: usize>(mut self, words: [&str; N]) -> Self {
        self.command = words.map(str::to_owned).to_vec();
        self
    }

    /// As which user and group it runs: numbers, so that Kubernetes can see that they are not root's.
    #[must_use]
    pub fn user(mut self, user: &str) -> Self {
        user.clone_into(&mut self.user);
        self
    }

    /// Says something about it.
    #[must_use]
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Its name and tag.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Writes the archive. The same content gives the same bytes: no time and no owner is recorded.
    pub fn write(&self, output: &Path) -> Result<()> {
        archive::write(self, output).with_context(|| format!("write {}", output.display()))
    }
}
