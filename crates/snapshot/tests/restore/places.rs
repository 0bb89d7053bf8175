//! Directories that are there already.

use std::os::unix::fs::symlink;

use rustix::fs::{FlockOperation, flock};

use crate::support::{Scratch, fixture, is_new, is_old, old, replace, restore_file};

#[test]
fn a_directory_that_is_not_empty_is_refused_and_an_empty_one_used() {
    let snapshot = fixture("3.6.14").snapshot;
    let scratch = Scratch::new();
    old(&scratch, "m0.etcd");
    let error = restore_file(&snapshot, &scratch.request(1)).unwrap_err();
    assert_eq!(error.reason(), "TargetNotEmpty");
    assert!(is_old(&scratch.path("m0.etcd")));

    let scratch = Scratch::new();
    std::fs::create_dir(scratch.path("m0.etcd")).unwrap();
    restore_file(&snapshot, &scratch.request(1)).unwrap();
    assert!(is_new(&scratch.path("m0.etcd")));
}

#[test]
fn what_is_replaced_is_renamed_aside_and_told() {
    let scratch = Scratch::new();
    old(&scratch, "m0.etcd");
    let mut request = scratch.request(1);
    replace(&mut request);
    let restored = restore_file(&fixture("3.6.14").snapshot, &request).unwrap();
    let aside = scratch.path("m0.etcd.replaced-20261124T140500Z");
    assert_eq!(restored.members[0].replaced, [aside.canonicalize().unwrap()]);
    assert!(is_old(&aside));
    assert!(is_new(&scratch.path("m0.etcd")));
    assert_eq!(scratch.names().len(), 2);
}

#[test]
fn restores_within_one_second_set_aside_under_names_of_their_own() {
    let scratch = Scratch::new();
    old(&scratch, "m0.etcd");
    let mut request = scratch.request(1);
    replace(&mut request);
    for count in 1..=3 {
        restore_file(&fixture("3.6.14").snapshot, &request).unwrap();
        assert!(is_new(&scratch.path("m0.etcd")));
        assert_eq!(scratch.names().len(), 1 + count);
    }
    let aside = "m0.etcd.replaced-20261124T140500Z";
    assert!(is_old(&scratch.path(aside)), "the first was overwritten");
    for later in ["-2", "-3"] {
        assert!(is_new(&scratch.path(&format!("{aside}{later}"))), "{later}");
    }
    // What is under such a name stays, were it a link that leads nowhere.
    for count in 4..=100 {
        symlink("nowhere", scratch.path(&format!("{aside}-{count}"))).unwrap();
    }
    let error = restore_file(&fixture("3.6.14").snapshot, &request).unwrap_err();
    assert_eq!(error.reason(), "InvalidTarget");
    assert_eq!(scratch.names().len(), 101);
}

#[test]
fn targets_that_lead_elsewhere_or_have_no_name_are_refused() {
    let snapshot = fixture("3.6.14").snapshot;
    let scratch = Scratch::new();
    std::fs::create_dir(scratch.path("real")).unwrap();
    std::fs::write(scratch.path("file"), "").unwrap();
    symlink(scratch.path("real"), scratch.path("link")).unwrap();
    symlink(scratch.path("nowhere"), scratch.path("dangling")).unwrap();
    for target in ["/", "link", "dangling", "file", "real/..", "missing/m0"] {
        let mut request = scratch.request(1);
        replace(&mut request);
        request.targets[0].data_dir = scratch.path(target);
        let error = restore_file(&snapshot, &request).unwrap_err();
        assert_eq!(error.reason(), "InvalidTarget", "{target}: {error}");
    }
    assert_eq!(scratch.names(), ["dangling", "file", "link", "real"]);
}

#[test]
fn directories_that_lie_in_each_other_are_refused() {
    let scratch = Scratch::new();
    let mut request = scratch.request(1);
    request.targets[0].wal_dir = Some(scratch.path("m0.etcd"));
    let error = restore_file(&fixture("3.6.14").snapshot, &request).unwrap_err();
    assert_eq!(error.reason(), "InvalidRequest");
}

#[test]
fn a_directory_that_etcd_runs_on_is_not_replaced() {
    let scratch = Scratch::new();
    old(&scratch, "m0.etcd");
    let database = std::fs::File::open(scratch.path("m0.etcd/member/snap/db")).unwrap();
    flock(&database, FlockOperation::LockExclusive).unwrap();
    let mut request = scratch.request(1);
    replace(&mut request);
    let error = restore_file(&fixture("3.6.14").snapshot, &request).unwrap_err();
    assert_eq!(error.reason(), "TargetInUse");
    assert!(is_old(&scratch.path("m0.etcd")));
}

#[test]
fn two_restores_of_one_target_refuse_each_other() {
    let scratch = Scratch::new();
    let other = scratch.path("m0.etcd.restoring-0123456789abcdef");
    std::fs::create_dir(&other).unwrap();
    let held = std::fs::File::open(&other).unwrap();
    flock(&held, FlockOperation::LockExclusive).unwrap();
    let error = restore_file(&fixture("3.6.14").snapshot, &scratch.request(1)).unwrap_err();
    assert_eq!(error.reason(), "RestoreUnderWay");
    assert!(other.exists());
    // Once nobody holds it, it is a killed one's, and removed.
    drop(held);
    restore_file(&fixture("3.6.14").snapshot, &scratch.request(1)).unwrap();
    assert_eq!(scratch.names(), ["m0.etcd"]);
}
