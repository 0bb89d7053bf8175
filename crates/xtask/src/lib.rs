//! Where the real servers of the tests and the demo come from.
//!
//! A library so that `cargo xtask` and the test harness follow the same rules. It depends on nothing that needs
//! protoc, since it is what provides protoc.

use std::{
    env,
    path::{Path, PathBuf},
};

pub mod image;
pub mod tools;

/// Tells the person at the terminal what happens, in the words of [`format_args!`].
#[macro_export]
macro_rules! say {
    ($($word:tt)*) => { $crate::tell(format_args!($($word)*)) };
}

#[doc(hidden)]
#[expect(clippy::print_stderr, reason = "a task tells what it does")]
pub fn tell(words: std::fmt::Arguments<'_>) {
    eprintln!("{words}");
}

/// The workspace's root folder.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// The folder of this project below the user's cache folder: `${XDG_CACHE_HOME:-~/.cache}/etcd-backup-operator`.
///
/// Outside the working tree, so that a fresh clone does not build Kubernetes again.
pub fn cache() -> PathBuf {
    let set = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("XDG_CACHE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(|| root().join("target"))
        .join("etcd-backup-operator")
}
