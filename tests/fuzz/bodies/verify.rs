//! A snapshot with any changes and a right SHA-256: an answer or an error, soon.

use etcd_backup_snapshot::Verifier;
use sha2::{Digest, Sha256};

use super::base;

pub(crate) fn run(data: &[u8]) {
    let Some((mut file, piece)) = base::database(data) else {
        return;
    };
    let digest = Sha256::digest(&file);
    file.extend_from_slice(&digest);
    let mut verifier = Verifier::new();
    if file.chunks(piece).all(|bytes| verifier.push(bytes).is_ok()) {
        let _ = verifier.finish();
    }
}
