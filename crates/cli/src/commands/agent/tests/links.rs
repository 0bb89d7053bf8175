//! Links in a data directory, whose owner is not who restores.

use std::{fs, os::unix::fs::symlink};

use serde_json::json;

use super::{
    super::{
        commit::{commit, in_two_steps, put},
        discard::discard,
        error::AgentError,
        owner::Giving,
        target::Target,
    },
    ASIDE, BUILDING, Member, READY,
};

#[test]
fn a_link_leads_nowhere() {
    for name in ["member", READY, BUILDING, ASIDE] {
        let member = Member::new(&[]);
        let _ = fs::remove_dir_all(member.path(name));
        symlink("/tmp", member.path(name)).unwrap();
        for done in [commit(&member.task), discard(&member.task)] {
            assert_eq!(done.unwrap_err().reason(), "InvalidTarget", "{name}");
        }
    }
}

#[test]
fn a_data_directory_that_is_a_link_is_refused_and_links_on_the_way_are_followed() {
    let member = Member::new(&[]);
    member.finish(READY);
    let folder = tempfile::tempdir().unwrap();
    symlink(member.folder.path(), folder.path().join("link")).unwrap();
    let through = |path| Member::new(&[("dataDir", json!(path))]).task;
    let link = through(folder.path().join("link"));
    for done in [commit(&link), discard(&link)] {
        assert_eq!(done.unwrap_err().reason(), "InvalidTarget");
    }
    fs::create_dir(member.path("below")).unwrap();
    let below = through(folder.path().join("link/below"));
    assert_eq!(
        Target::create(&below).unwrap().directory.path(),
        member.path("below").canonicalize().unwrap()
    );
}

#[test]
fn a_data_directory_that_becomes_a_link_between_look_and_rename_is_still_the_one_that_was_looked_at() {
    type Put = fn(&Target) -> Result<(), AgentError>;
    for (how, put) in [("one step", put as Put), ("two steps", in_two_steps)] {
        let (member, elsewhere) = (Member::new(&[]), Member::new(&[]));
        for member in [&member, &elsewhere] {
            member.finish(READY);
        }
        let moved = tempfile::tempdir().unwrap();
        let target = member.target();
        fs::rename(member.folder.path(), moved.path().join("moved")).unwrap();
        symlink(elsewhere.folder.path(), member.folder.path()).unwrap();

        put(&target).unwrap();
        assert_eq!(elsewhere.holds("member").as_deref(), Some("old"), "{how}");
        assert_eq!(elsewhere.names(), [READY, "member"], "{how}");
        let database = moved.path().join("moved/member/snap/db");
        assert_eq!(fs::read_to_string(database).unwrap(), "new", "{how}");
        // Where the folder removes itself is only the link.
        fs::remove_file(member.folder.path()).unwrap();
    }
}

#[test]
fn what_is_given_away_is_what_was_built_and_nothing_that_was_put_beside_it() {
    let (member, elsewhere) = (Member::new(&[]), Member::new(&[]));
    member.fill(READY, "new");
    fs::hard_link(
        elsewhere.path("member/snap/db"),
        member.path(READY).join("snap/theirs"),
    )
    .unwrap();
    Giving::ToGroup.give(&member.directory(READY)).unwrap_err();
    fs::remove_file(member.path(READY).join("snap/theirs")).unwrap();
    symlink(
        elsewhere.path("member/snap/db"),
        member.path(READY).join("snap/theirs"),
    )
    .unwrap();
    Giving::ToGroup.give(&member.directory(READY)).unwrap_err();
}
