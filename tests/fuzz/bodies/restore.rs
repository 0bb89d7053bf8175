//! A snapshot with any changes and a right SHA-256: restored if it is sound, and else refused with nothing left.

use etcd_backup_snapshot::restore::{Control, Request, Source, Target, cluster::InitialCluster, restore};
use etcd_backup_snapshot::verify_reader;
use sha2::{Digest, Sha256};

use super::base;

pub(crate) fn run(data: &[u8]) {
    let Some((mut file, choice)) = base::database(data) else {
        return;
    };
    let digest = Sha256::digest(&file);
    file.extend_from_slice(&digest);
    let folder = tempfile::tempdir().unwrap();
    let target = Target {
        name: "m0".to_owned(),
        data_dir: folder.path().join("m0"),
        wal_dir: None,
    };
    let cluster = InitialCluster::parse("m0=http://127.0.0.1:2380").unwrap();
    let mut request = Request::new(cluster, vec![target], [1; 16]);
    request.bump_revision = (choice % 2) as u64 * 1000;
    request.revision = (choice % 4 > 1).then_some((choice >> 2) as i64 % 32);
    let restored = restore(Source::Reader(Box::new(&file[..])), &request, Control::default());
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    match restored {
        Ok(_) => {
            assert_eq!(left, 1);
            verify_reader(&file[..]).unwrap();
        }
        Err(error) => {
            assert_eq!(left, 0);
            assert!(!["Internal", "CheckFailed"].contains(&error.reason()), "{error}");
        }
    }
}
