//! The new cluster's token.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

use etcd_backup_snapshot::restore::{Alarms, Request};
use sha2::{Digest, Sha256};

use super::source::Fingerprint;
use crate::exit::{Exit, Failure};

/// A token where none was given.
///
/// Where all members are restored here, the engine makes one that no other restore has. Where each host restores its own
/// member, they must all come to the same one without talking: it is made of the snapshot, of who will be in the cluster, and
/// of everything else that decides what the data will be. So members with other data are of another cluster. A second restore
/// of the same has the same token, which nobody can tell from a first one on another host.
pub(super) fn shared(request: &Request, fingerprint: &Fingerprint) -> Result<Option<String>, Failure> {
    // Every field, so that a new one is not forgotten.
    let Request {
        cluster,
        targets,
        bump_revision,
        revision,
        missing_lease_ttl,
        alarms,
        token: _,
        random: _,
        // These refuse, and change nothing. Where a check is skipped there is no fingerprint.
        target_version: _,
        skip_hash_check: _,
        expected: _,
        existing: _,
        links: _,
    } = request;
    if cluster.members().count() <= targets.len() {
        return Ok(None);
    }
    let fingerprint = fingerprint.map_err(|why| {
        Failure::new(
            Exit::Usage,
            format!("only some of the cluster's members are restored here, and the others cannot come to the same token: {why}"),
        )
        .hint("give --initial-cluster-token, the same for every member and another for every restore")
    })?;
    let mut hash = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    add(&fingerprint);
    for (name, urls) in cluster.members() {
        add(name.as_bytes());
        add(&(urls.len() as u64).to_be_bytes());
        for url in urls {
            add(url.as_str().as_bytes());
        }
    }
    add(&bump_revision.to_be_bytes());
    add(&revision.map_or_else(Vec::new, |revision| revision.to_be_bytes().to_vec()));
    add(&missing_lease_ttl.to_be_bytes());
    add(match alarms {
        Alarms::DropNoSpace => b"drop-nospace",
        Alarms::Drop => b"drop",
        Alarms::Keep => b"keep",
    });
    let digest: [u8; 32] = hash.finalize().into();
    Ok(Some(format!("etcd-restore-{}", hex::encode(&digest[..16]))))
}

/// What is needed to restore the other members, said on standard error before anything is done: afterwards may be too late.
pub(super) fn tell(request: &Request) {
    // Nobody is left to be told when standard error is closed.
    let _ = io::stderr().lock().write_all(beforehand(request).as_bytes());
}

fn beforehand(request: &Request) -> String {
    let mut text = String::new();
    let (here, all) = (request.targets.len(), request.cluster.members().count());
    if all == 1 {
        return text;
    }
    let others = if here < all {
        format!("{here} of {all} members are restored here; restore the others")
    } else {
        "should this be killed with only some members in place, restore the others".to_owned()
    };
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "The new cluster's token is {}\n({others} with the same backup and options and this --initial-cluster-token)",
        request.token()
    );
    text
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use etcd_backup_snapshot::restore::{EtcdVersion, Target, cluster::InitialCluster};

    use super::*;

    const THREE: &str = "a=http://a:1,b=http://b:1,c=http://c:1";

    fn request(cluster: &str, here: usize) -> Request {
        let cluster = InitialCluster::parse(cluster).unwrap();
        let targets = cluster.members().take(here).map(|(name, _)| Target {
            name: name.to_owned(),
            data_dir: PathBuf::from(name),
            wal_dir: None,
        });
        let targets = targets.collect();
        Request::new(cluster, targets, [7; 16])
    }

    fn token(request: &Request) -> String {
        shared(request, &Ok([7; 32])).unwrap().unwrap()
    }

    #[test]
    fn hosts_that_restore_one_member_each_come_to_the_same_token_and_no_other_restore_does() {
        let three = request(THREE, 1);
        assert!(token(&three).starts_with("etcd-restore-"));
        let mut other_host = request(THREE, 1);
        other_host.targets[0].name = "b".to_owned();
        other_host.targets[0].data_dir = "/somewhere/else".into();
        other_host.random = [8; 16];
        assert_eq!(token(&three), token(&other_host));
        let another = shared(&three, &Ok([8; 32])).unwrap().unwrap();
        assert_ne!(token(&three), another);
        let others = request("a=http://a:1,b=http://b:1,c=http://d:1", 1);
        assert_ne!(token(&three), token(&others));
        assert_eq!(shared(&request(THREE, 3), &Ok([7; 32])).unwrap(), None);
        assert_eq!(shared(&request(THREE, 3), &Err("nothing tells")).unwrap(), None);
        assert!(shared(&request(THREE, 2), &Err("nothing tells")).is_err());
    }

    #[test]
    fn a_host_that_restores_other_data_makes_another_cluster() {
        let three = request(THREE, 1);
        let changes: [fn(&mut Request); 6] = [
            |request| request.bump_revision = 0,
            |request| request.bump_revision += 1,
            |request| request.revision = Some(0),
            |request| request.revision = Some(7),
            |request| request.missing_lease_ttl = 60,
            |request| request.alarms = Alarms::Keep,
        ];
        let mut tokens = vec![token(&three)];
        for change in changes {
            let mut another = three.clone();
            change(&mut another);
            tokens.push(token(&another));
        }
        let all = tokens.len();
        tokens.sort();
        tokens.dedup();
        assert_eq!(tokens.len(), all);
        let mut same = three.clone();
        same.target_version = Some(EtcdVersion { major: 3, minor: 6 });
        assert_eq!(token(&same), token(&three));
    }

    #[test]
    fn whoever_restores_the_other_members_is_told_the_token_beforehand() {
        let mut some = request(THREE, 1);
        some.token = Some("tok".to_owned());
        let text = beforehand(&some);
        assert!(
            text.contains("token is tok\n") && text.contains("1 of 3 members"),
            "{text}"
        );
        let all = request(THREE, 3);
        let text = beforehand(&all);
        assert!(text.contains(&all.token()) && text.contains("killed"), "{text}");
        assert_eq!(beforehand(&request("a=http://a:1", 1)), "");
    }
}
