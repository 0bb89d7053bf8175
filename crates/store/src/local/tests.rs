use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use super::*;
use crate::key::RESERVED;
use crate::list_all;

struct Directory {
    store: LocalStore,
    root: tempfile::TempDir,
}

fn directory() -> Directory {
    let root = tempfile::tempdir().unwrap();
    Directory {
        store: LocalStore::new(root.path()).unwrap().with_part_size(1 << 16),
        root,
    }
}

#[cfg(feature = "contract")]
#[tokio::test]
async fn a_directory_keeps_the_contract() {
    let kept = std::sync::Mutex::new(Vec::new());
    let outcome = crate::contract::run(|| async {
        let Directory { store, root } = directory();
        kept.lock().unwrap().push(root);
        Ok(store)
    })
    .await;
    assert_eq!(outcome, Ok(()));
}

#[tokio::test]
async fn files_are_their_owners_alone() {
    let Directory { store, root } = directory();
    store.put("a/b", "x".into(), PutMode::Create).await.unwrap();
    let upload = store.upload("c").await.unwrap();
    let id = store.list_uploads("").await.unwrap()[0].upload_id.clone();
    let staged = root.path().join(RESERVED).join(id).join("data");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&root.path().join("a/b")), 0o600);
    assert_eq!(mode(&root.path().join("a")), 0o700);
    assert_eq!(mode(&staged), 0o600);
    upload.abort().await.unwrap();
}

#[tokio::test]
async fn nothing_stays_beside_the_objects() {
    let Directory { store, root } = directory();
    store.put("a", "x".into(), PutMode::Create).await.unwrap();
    let again = store.put("a", "x".into(), PutMode::Create).await;
    assert_eq!(again.unwrap_err().reason(), "AlreadyExists");
    store.put("a", "y".into(), PutMode::Overwrite).await.unwrap();
    let names: Vec<_> = std::fs::read_dir(root.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["a"]);
    assert_eq!(root.path().join("a").metadata().unwrap().nlink(), 1);
}

#[tokio::test]
async fn a_missing_directory_is_said_and_never_made() {
    let root = tempfile::tempdir().unwrap();
    let missing = root.path().join("not-mounted");
    let store = LocalStore::new(&missing).unwrap();
    let put = store.put("k", "x".into(), PutMode::Create).await;
    assert_eq!(put.unwrap_err().reason(), "NoSuchBucket");
    let listed = store.list("", None).await;
    assert_eq!(listed.unwrap_err().reason(), "NoSuchBucket");
    assert!(!missing.exists());
}

#[tokio::test]
async fn links_and_stray_files_are_not_objects() {
    let Directory { store, root } = directory();
    let secret = tempfile::NamedTempFile::new().unwrap();
    symlink(secret.path(), root.path().join("link")).unwrap();
    std::fs::write(root.path().join("line\nbreak"), "x").unwrap();
    assert!(list_all(&store, "", 10).await.unwrap().is_empty());
    let got = store.get("link", GetRange::all()).await;
    assert_eq!(got.unwrap_err().reason(), "NotFound");
}

#[tokio::test]
async fn an_upload_of_a_killed_process_is_found_and_swept() {
    let Directory { store, root } = directory();
    let upload = store.upload("ns/plan/data").await.unwrap();
    upload.part(1, "half of it".into()).await.unwrap();
    // As kill -9: nothing of ours runs any more.
    std::mem::forget(upload);
    let found = store.list_uploads("ns/plan/").await.unwrap();
    assert_eq!(found.len(), 1);
    store.abort_upload(&found[0]).await.unwrap();
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn an_upload_aborted_by_another_says_so() {
    let Directory { store, root: _root } = directory();
    let upload = store.upload("k").await.unwrap();
    upload.part(1, "x".into()).await.unwrap();
    let found = store.list_uploads("").await.unwrap();
    store.abort_upload(&found[0]).await.unwrap();
    let part = upload.part(1, "x".into()).await;
    assert_eq!(part.unwrap_err().reason(), "NoSuchUpload");
    let complete = upload.complete().await;
    assert_eq!(complete.unwrap_err().reason(), "NoSuchUpload");
}

#[tokio::test]
async fn a_made_up_upload_id_cannot_remove_anything() {
    let Directory { store, root } = directory();
    store.put("a/b", "x".into(), PutMode::Create).await.unwrap();
    for id in ["../a", "..", "", "a/b"] {
        let upload = UploadMeta {
            key: "k".to_owned(),
            upload_id: id.to_owned(),
            initiated: None,
        };
        let aborted = store.abort_upload(&upload).await;
        assert_eq!(aborted.unwrap_err().reason(), "InvalidRequest", "{id}");
    }
    assert!(root.path().join("a/b").exists());
}

#[tokio::test]
async fn a_file_cut_short_while_it_is_read_is_an_error() {
    use futures::TryStreamExt as _;
    let Directory { store, root } = directory();
    let body = Bytes::from(vec![7; 1 << 20]);
    store.put("k", body, PutMode::Create).await.unwrap();
    let got = store.get("k", GetRange::all()).await.unwrap();
    std::fs::OpenOptions::new()
        .write(true)
        .open(root.path().join("k"))
        .unwrap()
        .set_len(1 << 19)
        .unwrap();
    let read = got.body.try_collect::<Vec<_>>().await;
    assert_eq!(read.unwrap_err().reason(), "Corrupted");
}

#[test]
fn a_relative_or_climbing_path_is_refused() {
    for path in ["backups", "./x", "/var/../etc", ""] {
        assert_eq!(
            LocalStore::new(path).unwrap_err().reason(),
            "InvalidConfig",
            "{path}"
        );
    }
}
