//! Who the new data belongs to.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::Path,
};

use serde_json::json;

use super::{
    super::{error::AgentError, owner::Giving, target::Target},
    Member,
};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn a_volume_of_a_group_gets_files_that_the_group_can_use() {
    let member = Member::new(&[]);
    fs::set_permissions(member.folder.path(), Permissions::from_mode(0o2775)).unwrap();
    let target = member.target();
    assert_eq!(Giving::of(&target, 4_000_000).unwrap(), Giving::ToGroup);
    for (path, rights) in [
        ("member", 0o700),
        ("member/snap", 0o700),
        ("member/snap/db", 0o600),
    ] {
        fs::set_permissions(member.path(path), Permissions::from_mode(rights)).unwrap();
    }
    Giving::ToGroup.give(&member.directory("member")).unwrap();
    assert_eq!(mode(&member.path("member")), 0o2770);
    assert_eq!(mode(&member.path("member/snap")), 0o2770);
    assert_eq!(mode(&member.path("member/snap/db")), 0o660);
}

#[test]
fn a_directory_that_has_to_be_made_in_a_volume_of_a_group_is_the_groups_too() {
    let member = Member::new(&[]);
    let below = member.path("a/b");
    for (rights, expected) in [(0o755, 0o700), (0o2775, 0o2770)] {
        fs::set_permissions(member.folder.path(), Permissions::from_mode(rights)).unwrap();
        let task = Member::new(&[("dataDir", json!(below))]).task;
        Target::create(&task).unwrap();
        assert_eq!(mode(&below), expected);
        assert_eq!(mode(&member.path("a")), expected);
        fs::remove_dir_all(member.path("a")).unwrap();
    }
}

#[test]
fn root_gives_the_new_data_to_whoever_had_the_old_and_others_refuse_what_they_cannot_give() {
    let member = Member::new(&[]);
    let target = member.target();
    let owner = fs::metadata(member.path("member")).unwrap();
    assert_eq!(
        Giving::of(&target, 0).unwrap(),
        Giving::To(owner.uid(), owner.gid())
    );
    fs::set_permissions(member.folder.path(), Permissions::from_mode(0o755)).unwrap();
    if owner.uid() == 0 {
        assert_eq!(
            Giving::of(&target, 4_000_000).unwrap(),
            Giving::Not,
            "an etcd that runs as root reads everything"
        );
        chown(member.path("member"), Some(1234), Some(1234)).unwrap();
    }
    let refused = Giving::of(&target, 4_000_000).unwrap_err();
    assert!(matches!(refused, AgentError::OwnerDiffers { owner, own: 4_000_000 } if owner > 0));
    assert!(refused.is_lasting());
    fs::remove_dir_all(member.path("member")).unwrap();
    assert_eq!(Giving::of(&target, 4_000_000).unwrap(), Giving::Not);
}
