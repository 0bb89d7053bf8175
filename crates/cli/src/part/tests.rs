use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().join("backup.db");
    (folder, name)
}

fn entries(folder: &tempfile::TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder.path()).unwrap();
    entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_kept_file_has_its_name_and_is_private_and_a_dropped_one_leaves_nothing() {
    let (folder, name) = folder();
    drop(Part::create(&name, false).unwrap());
    assert!(entries(&folder).is_empty());

    fs::write(
        folder.path().join("backup.db.part"),
        "left by a killed process, and longer",
    )
    .unwrap();
    let mut part = Part::create(&name, false).unwrap();
    part.write_all(b"new").unwrap();
    part.keep().unwrap();
    assert_eq!(entries(&folder), ["backup.db"]);
    assert_eq!(fs::read(&name).unwrap(), b"new");
    assert_eq!(fs::metadata(&name).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_is_there_is_overwritten_only_on_demand_also_when_it_appeared_meanwhile() {
    let (folder, name) = folder();
    let part = Part::create(&name, false).unwrap();
    fs::write(&name, "somebody else's").unwrap();
    assert!(part.keep().is_err());
    assert_eq!(fs::read(&name).unwrap(), b"somebody else's");
    assert!(Part::create(&name, false).is_err());
    Part::create(&name, true).unwrap().keep().unwrap();
    assert_eq!(fs::read(&name).unwrap(), b"");
    assert_eq!(entries(&folder), ["backup.db"]);
    let directory = Part::create(folder.path(), false).unwrap_err();
    assert!(
        format!("{directory:?}").contains("as a store: file:///"),
        "{directory:?}"
    );
}

/// What a kill between linking and unlinking leaves: one file with both names.
#[test]
fn a_finished_snapshot_that_still_has_its_first_name_too_is_not_written_into() {
    let (folder, name) = folder();
    let part = folder.path().join("backup.db.part");
    fs::write(&name, "the last good one").unwrap();
    fs::hard_link(&name, &part).unwrap();
    drop(Part::create(&name, true).unwrap());
    assert_eq!(fs::read(&name).unwrap(), b"the last good one");
    assert_eq!(entries(&folder), ["backup.db"]);
}

#[test]
fn nothing_but_a_plain_file_is_written_into_or_replaced() {
    let (folder, name) = folder();
    let part = folder.path().join("backup.db.part");
    let other = folder.path().join("other");
    fs::write(&other, "somebody else's").unwrap();
    symlink(&other, &part).unwrap();
    let refused = Part::create(&name, false).unwrap_err();
    assert!(format!("{refused:?}").contains("no file"), "{refused:?}");
    assert_eq!(fs::read(&other).unwrap(), b"somebody else's");
    fs::remove_file(&part).unwrap();
    let link = folder.path().join("link");
    symlink("/dev/null", &link).unwrap();
    assert!(Part::create(&link, true).is_err());
    assert!(Part::create(Path::new("/dev/null"), true).is_err());
    assert!(!Path::new("/dev/null.part").exists());
}

#[test]
fn a_file_that_was_taken_away_meanwhile_does_not_get_the_name() {
    let (folder, name) = folder();
    let part = Part::create(&name, false).unwrap();
    fs::remove_file(folder.path().join("backup.db.part")).unwrap();
    fs::write(folder.path().join("backup.db.part"), "somebody else's").unwrap();
    assert!(part.keep().is_err());
    assert_eq!(entries(&folder), ["backup.db.part"]);
}

#[test]
fn two_processes_do_not_write_the_same_file() {
    let (_folder, name) = folder();
    let first = Part::create(&name, false).unwrap();
    let refused = Part::create(&name, false).unwrap_err();
    assert!(format!("{refused:?}").contains("another process"), "{refused:?}");
    first.keep().unwrap();
}
