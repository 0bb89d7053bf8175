//! Secrets where none may be.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};

use super::walk;
use crate::kubectl::Kubectl;

/// Whatever the operator and its Jobs write into Kubernetes, which is everything but Secrets.
const WRITTEN: &str = "etcdbackups,etcdsnapshots,etcdrestores,jobs,pods,events.events.k8s.io";

/// What there is of that in a namespace, and every lease of the cluster, as JSON.
pub fn objects(kubectl: &Kubectl, namespace: &str) -> Result<String> {
    let own = ["get", WRITTEN, "--output=json", "--namespace", namespace];
    let leases = [
        "get",
        "leases.coordination.k8s.io",
        "--output=json",
        "--all-namespaces",
    ];
    Ok(kubectl.run(&own)? + &kubectl.run(&leases)?)
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
        for (number, canary) in canaries.iter().enumerate() {
            let found = bytes
                .windows(canary.len())
                .any(|window| window == canary.as_bytes());
            ensure!(!found, "{} holds the secret number {number}", file.display());
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
        fs::write(folder.path().join("logs/operator"), b"\xffpassword=tweety-7 \n").unwrap();
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
