//! Steps over a data directory, from every state that a kill can leave.

use std::{
    fs::{self, File},
    path::PathBuf,
};

use etcd_backup_operator::agent::{AgentResult, RestoreTask};
use etcd_backup_snapshot::directory::Directory;
use serde_json::{Value, json};
use tempfile::TempDir;

mod links;
mod owners;

use super::{
    commit::{commit, in_two_steps},
    discard::discard,
    origin::Origin,
    target::Target,
};
use crate::clock;

/// A data directory with old data in it.
struct Member {
    folder: TempDir,
    task: RestoreTask,
}

fn prepared() -> AgentResult {
    AgentResult::Prepared {
        bytes: 1,
        revision: 2,
        hash_kv: Some(3),
        cluster_id: "a".into(),
        member_id: "b".into(),
        message: None,
    }
}

impl Member {
    fn new(changes: &[(&str, Value)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut task = json!({
            "restore": "ns/after", "uid": "0a1b2c3d-4e5f", "member": "m0", "dataDir": folder.path(),
            "existingData": "ReplaceAside",
            "source": {
                "url": "s3://b/k", "key": "k", "storage": {"s3": {"bucket": "bbb"}}, "runID": "r", "sha256": "00",
                "size": 1, "snapshotSize": 2, "snapshotSHA256": "00", "revision": 3, "clusterID": "1",
                "taken": "2026-11-23T06:00:00Z",
            },
            "store": {"allowEndpointCIDRs": [], "ambientEndpoints": []},
            "bumpRevision": 7, "initialClusterToken": "t",
            "members": [{"name": "m0", "peerURLs": ["https://m0:2380"]}],
        });
        for (field, value) in changes {
            task[*field] = value.clone();
        }
        let task = RestoreTask::parse(&task.to_string()).unwrap();
        let member = Self { folder, task };
        member.fill("member", "old");
        member
    }

    fn target(&self) -> Target {
        Target::find(&self.task).unwrap().unwrap()
    }

    fn directory(&self, name: &str) -> Directory {
        Directory::resolve(&self.path(name)).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A member's directory whose database holds a word.
    fn fill(&self, name: &str, word: &str) {
        fs::create_dir_all(self.path(name).join("snap")).unwrap();
        fs::write(self.path(name).join("snap/db"), word).unwrap();
    }

    /// New data, complete, under this name.
    fn finish(&self, name: &str) {
        self.fill(name, "new");
        let origin = Origin::new(&self.task, prepared(), clock::now());
        origin.write(&self.directory(name)).unwrap();
    }

    fn holds(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path(name).join("snap/db")).ok()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

const READY: &str = ".etcd-restore-0a1b2c3d-4e5f";
const BUILDING: &str = ".etcd-restore-0a1b2c3d-4e5f.building";
const ASIDE: &str = "member.replaced-0a1b2c3d";

/// What a `commit` that is killed leaves: before it, after the exchange, after the old data went aside, and between the two
/// renames of a filesystem that cannot exchange.
fn killed_commits() -> Vec<(&'static str, Member)> {
    let before = Member::new(&[]);
    before.finish(READY);
    let exchanged = Member::new(&[]);
    fs::remove_dir_all(exchanged.path("member")).unwrap();
    exchanged.finish("member");
    exchanged.fill(READY, "old");
    let aside = Member::new(&[]);
    fs::rename(aside.path("member"), aside.path(ASIDE)).unwrap();
    aside.finish("member");
    let between = Member::new(&[]);
    fs::rename(between.path("member"), between.path(ASIDE)).unwrap();
    between.finish(READY);
    vec![
        ("before", before),
        ("exchanged", exchanged),
        ("aside", aside),
        ("between", between),
    ]
}

#[test]
fn a_commit_comes_to_the_same_from_wherever_it_was_killed_and_however_often_it_is_done() {
    for (state, member) in killed_commits() {
        fs::create_dir(member.path(BUILDING)).unwrap();
        for _ in 0..3 {
            let done = commit(&member.task).unwrap();
            let expected = AgentResult::Committed {
                previous: Some(ASIDE.to_owned()),
            };
            assert_eq!(done, expected, "{state}");
            assert_eq!(member.holds("member").as_deref(), Some("new"), "{state}");
            assert_eq!(member.holds(ASIDE).as_deref(), Some("old"), "{state}");
            assert_eq!(member.names(), ["member", ASIDE], "{state}");
        }
    }
}

#[test]
fn a_discard_leaves_the_old_data_and_nothing_else_unless_the_new_is_in_place() {
    for (state, member) in killed_commits() {
        fs::create_dir(member.path(BUILDING)).unwrap();
        match (state, discard(&member.task)) {
            ("before" | "between", done) => {
                assert_eq!(done.unwrap(), AgentResult::Discarded);
                assert_eq!(discard(&member.task).unwrap(), AgentResult::Discarded);
                assert_eq!(member.holds("member").as_deref(), Some("old"), "{state}");
                assert_eq!(member.names(), ["member"], "{state}");
            }
            (_, done) => {
                assert_eq!(done.unwrap_err().reason(), "AlreadyCommitted", "{state}");
                assert_eq!(member.holds("member").as_deref(), Some("new"), "{state}");
            }
        }
    }
}

#[test]
fn without_an_exchange_the_old_data_still_goes_aside() {
    let member = Member::new(&[]);
    member.finish(READY);
    in_two_steps(&member.target()).unwrap();
    assert_eq!(member.holds("member").as_deref(), Some("new"));
    assert_eq!(member.holds(ASIDE).as_deref(), Some("old"));
}

#[test]
fn an_empty_place_is_filled_and_nothing_is_called_previous() {
    let member = Member::new(&[("existingData", json!("Refuse"))]);
    fs::remove_dir_all(member.path("member")).unwrap();
    member.finish(READY);
    for _ in 0..2 {
        assert_eq!(
            commit(&member.task).unwrap(),
            AgentResult::Committed { previous: None }
        );
        assert_eq!(member.names(), ["member"]);
    }
}

#[test]
fn what_is_not_complete_or_is_another_restores_is_not_put_in_place() {
    let member = Member::new(&[]);
    member.fill(READY, "half");
    assert_eq!(commit(&member.task).unwrap_err().reason(), "NotPrepared");
    let other = Member::new(&[("uid", json!("ffffffff-0000"))]);
    let origin = Origin::new(&other.task, prepared(), clock::now());
    origin.write(&member.directory(READY)).unwrap();
    assert_eq!(commit(&member.task).unwrap_err().reason(), "NotPrepared");
    assert_eq!(member.holds("member").as_deref(), Some("old"));
}

#[test]
fn data_that_may_not_go_aside_or_is_in_use_stays() {
    let refusing = Member::new(&[("existingData", json!("Refuse"))]);
    refusing.finish(READY);
    assert_eq!(commit(&refusing.task).unwrap_err().reason(), "TargetNotEmpty");
    assert_eq!(refusing.holds("member").as_deref(), Some("old"));

    let running = Member::new(&[]);
    running.finish(READY);
    let database = File::open(running.path("member/snap/db")).unwrap();
    database.lock().unwrap();
    let error = commit(&running.task).unwrap_err();
    assert!(error.reason() == "TargetInUse" && error.is_lasting(), "{error}");
    drop(database);
    commit(&running.task).unwrap();
}

#[test]
fn a_directory_of_the_name_that_the_old_data_would_get_is_not_touched() {
    let member = Member::new(&[]);
    member.finish(READY);
    member.fill(ASIDE, "somebody's");
    for _ in 0..2 {
        assert_eq!(commit(&member.task).unwrap_err().reason(), "AsideTaken");
    }
    assert_eq!(member.holds(ASIDE).as_deref(), Some("somebody's"));
    assert_eq!(member.holds("member").as_deref(), Some("old"));
}

#[test]
fn two_steps_at_once_are_one_too_many() {
    let member = Member::new(&[]);
    member.finish(READY);
    let lock = member.target();
    lock.lock().unwrap();
    let error = commit(&member.task).unwrap_err();
    assert!(error.reason() == "RestoreUnderWay" && !error.is_lasting());
    drop(lock);
    commit(&member.task).unwrap();
}

#[test]
fn nothing_to_discard_is_no_failure() {
    let member = Member::new(&[("dataDir", json!("/nowhere/at/all"))]);
    assert_eq!(discard(&member.task).unwrap(), AgentResult::Discarded);
}
