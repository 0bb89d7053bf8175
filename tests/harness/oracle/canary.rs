//! Secrets where none may be.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use kube::Client;

use super::{listed, walk};

/// Whatever the operator and its Jobs write into Kubernetes, which is everything but Secrets, by groups.
const WRITTEN: [(&str, &str); 6] = [
    (listed::OURS, "etcdbackups"),
    (listed::OURS, "etcdsnapshots"),
    (listed::OURS, "etcdrestores"),
    ("/apis/batch/v1", "jobs"),
    ("/api/v1", "pods"),
    ("/apis/events.k8s.io/v1", "events"),
];

/// What there is of that in a namespace, and every lease of the cluster, as JSON.
pub async fn objects(client: &Client, namespace: &str) -> Result<String> {
    let mut objects = listed::text(client, "/apis/coordination.k8s.io/v1", "leases", None).await?;
    for (group, resource) in WRITTEN {
        objects += &listed::text(client, group, resource, Some(namespace)).await?;
    }
    Ok(objects)
}

/// Looks for strings in a file, or in every file below a folder. Tests put a string that is nowhere else into each
/// credential, and hand over logs, objects, metrics, manifests and temporary files here.
///
/// # Errors
/// When one is found: where, and which by its number, not by its text.
pub fn find_canaries(place: &Path, canaries: &[&str]) -> Result<()> {
    let mut files = Vec::new();
    if place.is_dir() {
        walk(place, &mut files)?;
    } else {
        files.push(place.to_path_buf());
    }
    for file in files {
        let bytes = fs::read(&file).with_context(|| format!("read {}", file.display()))?;
        // What is no text does not hide one: only bytes that are no character of it are replaced. Logs are long, and the standard
        // library is quick also where the tests are not optimised.
        let text = String::from_utf8_lossy(&bytes);
        for (number, canary) in canaries.iter().enumerate() {
            ensure!(
                !text.contains(canary),
                "{} holds the secret number {number}",
                file.display()
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_any_file_below_a_folder_and_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("logs")).unwrap();
        fs::write(
            folder.path().join("logs/operator"),
            b"\xffpassword=\xe2\x82tweety-7 \n",
        )
        .unwrap();
        find_canaries(folder.path(), &["sylvester"]).unwrap();
        let error = find_canaries(folder.path(), &["sylvester", "tweety-7"])
            .unwrap_err()
            .to_string();
        assert!(
            error.ends_with("logs/operator holds the secret number 1"),
            "{error}"
        );
    }
}
