//! The new cluster's token.

use etcd_backup_snapshot::restore::cluster::InitialCluster;
use sha2::{Digest, Sha256};

use crate::exit::{Exit, Failure};

/// A token where none was given.
///
/// Where all members are restored here, the engine makes one that no other restore has. Where each host restores its own
/// member, they must all come to the same one without talking: it is made of the snapshot and of who will be in the
/// cluster, so it is not the old cluster's, nor that of a restore of another snapshot.
pub(super) fn shared(
    cluster: &InitialCluster,
    restored_here: usize,
    fingerprint: Option<[u8; 32]>,
) -> Result<Option<String>, Failure> {
    if cluster.members().count() <= restored_here {
        return Ok(None);
    }
    let Some(fingerprint) = fingerprint else {
        return Err(Failure::new(
            Exit::Usage,
            "of a cluster of several members only some are restored here, and they must all have the same token",
        )
        .hint("give --initial-cluster-token, the same for every member and another for every restore"));
    };
    let mut hash = Sha256::new();
    hash.update(fingerprint);
    for (name, urls) in cluster.members() {
        hash.update([0]);
        hash.update(name);
        for url in urls {
            hash.update([1]);
            hash.update(url.as_str());
        }
    }
    let digest: [u8; 32] = hash.finalize().into();
    Ok(Some(format!("etcd-restore-{}", hex::encode(&digest[..16]))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_restore_one_member_each_come_to_the_same_token_and_no_other_restore_does() {
        let cluster = |text| InitialCluster::parse(text).unwrap();
        let three = cluster("a=http://a:1,b=http://b:1,c=http://c:1");
        let token = shared(&three, 1, Some([7; 32])).unwrap();
        assert!(
            token
                .as_ref()
                .is_some_and(|token| token.starts_with("etcd-restore-"))
        );
        assert_eq!(token, shared(&three, 1, Some([7; 32])).unwrap());
        assert_ne!(token, shared(&three, 1, Some([8; 32])).unwrap());
        let others = cluster("a=http://a:1,b=http://b:1,c=http://d:1");
        assert_ne!(token, shared(&others, 1, Some([7; 32])).unwrap());
        assert_eq!(shared(&three, 3, Some([7; 32])).unwrap(), None);
        assert!(shared(&three, 2, None).is_err());
    }
}
