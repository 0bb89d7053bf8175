//! The same as etcdutl, but for what is documented in docs/restore.md.

use std::os::unix::fs::PermissionsExt;

use etcd_backup_snapshot::restore::{Control, LeftOut, Source, restore};

use crate::fixture::{LIVE, all};
use crate::support::{Scratch, buckets, fixture, names, restore_file};

#[test]
fn the_log_is_etcdutls_byte_for_byte() {
    for fixture in all() {
        for members in [1, 3] {
            let scratch = Scratch::new();
            restore_file(&fixture.snapshot, &scratch.request(members)).unwrap();
            let ours = scratch.log(0);
            let (_, theirs) = fixture.theirs(members);
            assert_eq!(ours.len(), 64_000_000);
            let same = ours
                .iter()
                .zip(&theirs)
                .take_while(|(one, other)| one == other)
                .count();
            match fixture.version.as_str() {
                "3.5.30" | "3.6.14" => {
                    assert_eq!(same, theirs.len());
                    assert!(ours[same..].iter().all(|byte| *byte == 0));
                }
                // Before 3.5 the last record did not say who votes: its first eight bytes are its length.
                "3.4.23" => assert_eq!(same, theirs.len() - 24, "{members}"),
                // From 3.7 on, fields that are zero are left out of entries and of the last record.
                _ => assert_eq!(same, 0x50, "{members}"),
            }
        }
    }
}

#[test]
fn every_bucket_is_etcdutls_but_for_what_is_documented() {
    for fixture in all() {
        for members in [1, 3] {
            let scratch = Scratch::new();
            let restored = restore_file(&fixture.snapshot, &scratch.request(members)).unwrap();
            let mut ours = buckets(&scratch.database(0));
            let (mut theirs, _) = fixture.theirs(members);
            let had = theirs.get_mut("meta").unwrap().remove(b"confState".as_slice());
            assert_eq!(had.is_some(), restored.left_out.contains(&LeftOut::ConfState));
            if fixture.version == "3.4.23" {
                // 3.4 knows no term, and leaves the members of the old cluster in.
                assert!(ours.get_mut("meta").unwrap().remove(b"term".as_slice()).is_some());
                let (ours, theirs) = (ours.remove("members").unwrap(), theirs.remove("members").unwrap());
                assert_eq!(ours.len(), members);
                assert!(theirs.keys().any(|id| !ours.contains_key(id)));
            }
            assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
            for (name, bucket) in &theirs {
                assert_eq!(&ours[name], bucket, "{} {members} {name}", fixture.version);
            }
        }
    }
}

#[test]
fn hash_kv_is_what_the_live_member_said() {
    for fixture in all() {
        let scratch = Scratch::new();
        let restored = restore_file(&fixture.snapshot, &scratch.request(1)).unwrap();
        let revision = fixture.json(LIVE)["snapshot_revision"].as_i64().unwrap();
        assert_eq!(restored.revision, revision);
        assert_eq!(restored.bumped_by, 0);
        let hash = restored.hash_kv.unwrap();
        assert_eq!((hash.revision, hash.compact_revision), (revision, 60));
        assert_eq!(hash.hash, fixture.live_hash(revision), "{}", fixture.version);
    }
}

#[test]
fn all_members_get_the_same_data_and_a_log_of_their_own() {
    let fixture = fixture("3.6.14");
    let scratch = Scratch::new();
    let mut request = scratch.request(3);
    request.targets = (0..3).map(|member| scratch.target(member)).collect();
    let restored = restore_file(&fixture.snapshot, &request).unwrap();
    assert_eq!(scratch.names(), ["m0.etcd", "m1.etcd", "m2.etcd"]);
    assert_eq!(scratch.database(0), scratch.database(1));
    assert_eq!(scratch.database(0), scratch.database(2));
    assert_ne!(scratch.log(0), scratch.log(1));
    let members: Vec<_> = restored
        .members
        .iter()
        .map(|member| (member.name.as_str(), member.id))
        .collect();
    assert_eq!(
        members,
        [
            ("m0", 0xbcba_f442_f021_41ce),
            ("m1", 0xb2bb_4606_0aeb_d6a9),
            ("m2", 0xa838_d917_6bf9_a9b7)
        ]
    );
    assert_eq!(restored.token, "tok1");
}

#[test]
fn files_are_where_etcd_looks_for_them_and_private() {
    let fixture = fixture("3.6.14");
    let scratch = Scratch::new();
    restore_file(&fixture.snapshot, &scratch.request(3)).unwrap();
    let dir = scratch.path("m0.etcd");
    assert_eq!(names(&dir), ["member"]);
    assert_eq!(names(&dir.join("member")), ["snap", "wal"]);
    let snapshot = "0000000000000001-0000000000000003.snap";
    assert_eq!(names(&dir.join("member/snap")), [snapshot, "db"]);
    let mode = |path: &str| dir.join(path).metadata().unwrap().permissions().mode() & 0o777;
    for directory in ["", "member", "member/snap", "member/wal"] {
        assert_eq!(mode(directory), 0o700, "{directory}");
    }
    let log = "member/wal/0000000000000000-0000000000000000.wal";
    for file in ["member/snap/db", &format!("member/snap/{snapshot}"), log] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
}

#[test]
fn a_source_that_comes_but_once_gives_the_same_and_leaves_nothing() {
    let fixture = fixture("3.6.14");
    let (from_file, from_reader) = (Scratch::new(), Scratch::new());
    restore_file(&fixture.snapshot, &from_file.request(1)).unwrap();
    let reader = Source::Reader(Box::new(fixture.snapshot.as_slice()));
    restore(reader, &from_reader.request(1), Control::default()).unwrap();
    assert_eq!(from_file.database(0), from_reader.database(0));
    assert_eq!(from_reader.names(), ["m0.etcd"]);
    assert_eq!(names(&from_reader.path("m0.etcd")), ["member"]);
}

#[test]
fn a_log_directory_of_its_own_is_used() {
    let fixture = fixture("3.6.14");
    let scratch = Scratch::new();
    let mut request = scratch.request(1);
    request.targets[0].wal_dir = Some(scratch.path("wal"));
    restore_file(&fixture.snapshot, &request).unwrap();
    assert_eq!(scratch.names(), ["m0.etcd", "wal"]);
    assert_eq!(
        names(&scratch.path("wal")),
        ["0000000000000000-0000000000000000.wal"]
    );
    assert_eq!(names(&scratch.path("m0.etcd/member")), ["snap"]);
}
