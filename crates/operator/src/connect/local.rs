//! Which directories a plan may store into.

use std::path::{Component, Path, PathBuf};

use tokio::fs::canonicalize;

use super::failure::Failure;

/// The real path of `path`, if it lies below one of the administrator's `roots`. Judged after following every symbolic
/// link: a link inside a root may not lead out of it, and the store gets the path without links.
pub(super) async fn allowed(path: &str, roots: &[PathBuf]) -> Result<PathBuf, Failure> {
    let wanted = Path::new(path);
    let plain = |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
    if !wanted.is_absolute() || !wanted.components().all(plain) {
        return Err(Failure::lasting(
            "InvalidSpec",
            "storage.local.path must be an absolute path without . and ..",
        ));
    }
    // By name first: a path outside must not tell through its failure whether it exists.
    if !roots.iter().any(|root| wanted.starts_with(root)) {
        return Err(refused());
    }
    let missing = |_| {
        Failure::transient(
            "StoreUnavailable",
            "the directory in storage.local.path does not exist or cannot be opened: is the volume mounted?",
        )
    };
    let real = canonicalize(wanted).await.map_err(missing)?;
    for root in roots {
        if let Ok(root) = canonicalize(root).await
            && real.starts_with(root)
        {
            return Ok(real);
        }
    }
    Err(refused())
}

fn refused() -> Failure {
    Failure::lasting(
        "LocalPathRefused",
        "storage.local.path is not below a directory that the administrator has allowed (--local-store-root)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bench() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        std::fs::create_dir_all(root.join("plans")).unwrap();
        std::fs::create_dir_all(folder.path().join("outside")).unwrap();
        (folder, root)
    }

    async fn judge(path: &Path, root: &Path) -> Result<PathBuf, String> {
        allowed(path.to_str().unwrap(), &[root.to_owned()])
            .await
            .map_err(|failure| failure.reason)
    }

    #[tokio::test]
    async fn a_directory_below_a_root_and_the_root_itself_are_allowed() {
        let (_folder, root) = bench();
        assert!(judge(&root.join("plans"), &root).await.is_ok());
        assert!(judge(&root, &root).await.is_ok());
    }

    #[tokio::test]
    async fn without_a_root_nothing_is_allowed() {
        let (_folder, root) = bench();
        assert_eq!(
            allowed(root.to_str().unwrap(), &[]).await.unwrap_err().reason,
            "LocalPathRefused"
        );
    }

    #[tokio::test]
    async fn everything_outside_is_refused_whether_it_exists_or_not() {
        let (folder, root) = bench();
        for path in ["outside", "missing", "root-2", "roo"] {
            assert_eq!(
                judge(&folder.path().join(path), &root).await,
                Err("LocalPathRefused".into()),
                "{path}"
            );
        }
    }

    #[tokio::test]
    async fn a_link_out_of_the_root_is_refused_and_one_inside_is_resolved() {
        let (folder, root) = bench();
        std::os::unix::fs::symlink(folder.path().join("outside"), root.join("escape")).unwrap();
        std::os::unix::fs::symlink(root.join("plans"), root.join("alias")).unwrap();
        assert_eq!(
            judge(&root.join("escape"), &root).await,
            Err("LocalPathRefused".into())
        );
        let resolved = judge(&root.join("alias"), &root).await.unwrap();
        assert_eq!(resolved, std::fs::canonicalize(root.join("plans")).unwrap());
    }

    #[tokio::test]
    async fn paths_that_climb_or_are_relative_are_refused() {
        let (_folder, root) = bench();
        assert_eq!(
            judge(&root.join("../outside"), &root).await,
            Err("InvalidSpec".into())
        );
        assert_eq!(judge(Path::new("plans"), &root).await, Err("InvalidSpec".into()));
    }

    #[tokio::test]
    async fn a_volume_that_is_not_mounted_may_come_back() {
        let (_folder, root) = bench();
        let failure = allowed(root.join("gone").to_str().unwrap(), &[root])
            .await
            .unwrap_err();
        assert_eq!(
            (failure.reason.as_str(), failure.transient),
            ("StoreUnavailable", true)
        );
    }
}
