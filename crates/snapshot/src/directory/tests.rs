use std::cell::Cell;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::open::step_by_step;
use super::*;

thread_local! {
    static KNOWS_NO_FLAGS: Cell<bool> = const { Cell::new(false) };
}

/// Whether renames of this thread are to behave as on a filesystem without the flags of `renameat2`, NFS for one.
pub(super) fn knows_no_flags() -> bool {
    KNOWS_NO_FLAGS.get()
}

/// Does something on such a filesystem.
pub(crate) fn without_rename_flags<T>(act: impl FnOnce() -> T) -> T {
    KNOWS_NO_FLAGS.set(true);
    let done = act();
    KNOWS_NO_FLAGS.set(false);
    done
}

/// A directory, held, and another that nothing may reach.
struct Held {
    folder: tempfile::TempDir,
    held: Directory,
}

impl Held {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["held", "elsewhere"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("elsewhere/file"), "theirs").unwrap();
        let held = Directory::resolve(&folder.path().join("held")).unwrap();
        Self { folder, held }
    }

    /// With `one` and `other` in it, each a directory that holds a file of its own name.
    fn with_two() -> Self {
        let held = Self::new();
        for name in ["one", "other"] {
            let directory = held.held.create_directory(name).unwrap();
            directory.create_file(name).unwrap();
        }
        held
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a link to elsewhere in the place of what is held.
    fn swap(&self) {
        fs::rename(self.path("held"), self.path("moved")).unwrap();
        symlink(self.path("elsewhere"), self.path("held")).unwrap();
    }
}

#[test]
fn links_on_the_way_are_followed_once_and_what_is_held_stays_the_same() {
    let held = Held::new();
    symlink(held.path("held"), held.path("link")).unwrap();
    let through = Directory::resolve(&held.path("link")).unwrap();
    assert_eq!(through.path(), held.path("held").canonicalize().unwrap());
    assert!(through.is_at(&held.path("link")).unwrap());
    held.swap();
    assert!(!through.is_at(&held.path("link")).unwrap());
    through.create_directory("a").unwrap().create_file("b").unwrap();
    assert!(held.path("moved/a/b").exists());
    assert_eq!(fs::read_dir(held.path("elsewhere")).unwrap().count(), 1);
}

#[test]
fn a_link_in_a_path_that_was_resolved_is_an_error_with_and_without_openat2() {
    let held = Held::new();
    let path = held.held.path().to_owned();
    assert!(step_by_step(&path).is_ok());
    held.swap();
    for opened in [open::without_links(&path), step_by_step(&path)] {
        let error = Failed::at("open", &path)(opened.unwrap_err());
        assert!(error.is_no_directory(), "{error}");
    }
    fs::create_dir(held.path("elsewhere/below")).unwrap();
    for opened in [
        open::without_links(&path.join("below")),
        step_by_step(&path.join("below")),
    ] {
        let error = Failed::at("open", &path)(opened.unwrap_err());
        assert!(error.is_no_directory(), "{error}");
    }
}

#[test]
fn no_name_leads_through_a_link() {
    let held = Held::new();
    symlink(held.path("elsewhere"), held.path("held/link")).unwrap();
    symlink(held.path("elsewhere/file"), held.path("held/file")).unwrap();
    assert!(held.held.directory("link").unwrap_err().is_no_directory());
    held.held.file("file").unwrap_err();
    assert!(held.held.create_file("file").unwrap_err().is_taken());
    assert!(held.held.create_directory("link").unwrap_err().is_taken());
    assert!(held.held.look("link").unwrap().unwrap().is_symlink());
    assert!(held.held.look("nothing").unwrap().is_none());
    for name in ["link", "file", "nothing"] {
        held.held.remove(name).unwrap();
    }
    assert!(held.held.names().unwrap().is_empty());
    assert_eq!(fs::read(held.path("elsewhere/file")).unwrap(), b"theirs");
}

#[test]
fn a_tree_is_removed_whole_and_what_its_links_lead_to_stays() {
    let held = Held::new();
    fs::create_dir_all(held.path("held/tree/a/b")).unwrap();
    fs::write(held.path("held/tree/a/b/c"), "").unwrap();
    symlink(held.path("elsewhere"), held.path("held/tree/a/link")).unwrap();
    held.held.remove("tree").unwrap();
    assert!(held.held.names().unwrap().is_empty());
    assert_eq!(fs::read(held.path("elsewhere/file")).unwrap(), b"theirs");
}

#[test]
fn nothing_takes_the_place_of_something() {
    let held = Held::with_two();
    let moved = held.held.move_to("one", &held.held, "other");
    assert!(moved.unwrap_err().is_taken());
    assert!(held.held.fill("one", "other").unwrap_err().is_taken());
    assert!(held.held.exchange("one", "other").unwrap());
    assert!(held.path("held/one/other").exists() && held.path("held/other/one").exists());
    held.held.create_directory("empty").unwrap();
    held.held.fill("one", "empty").unwrap();
    held.held.move_to("empty", &held.held, "free").unwrap();
    assert!(held.path("held/free/other").exists());
}

#[test]
fn nothing_takes_the_place_of_something_where_the_filesystem_cannot_tell_by_itself() {
    let held = Held::with_two();
    held.held.create_directory("empty").unwrap();
    symlink("nowhere", held.path("held/dangling")).unwrap();
    without_rename_flags(|| {
        assert!(!held.held.exchange("one", "other").unwrap());
        assert!(held.path("held/one/one").exists() && held.path("held/other/other").exists());
        for taken in ["other", "empty", "dangling"] {
            let moved = held.held.move_to("one", &held.held, taken);
            assert!(moved.unwrap_err().is_taken(), "{taken}");
            assert!(held.path("held/one/one").exists(), "{taken}");
        }
        held.held.move_to("one", &held.held, "free").unwrap();
        assert!(held.path("held/free/one").exists());
        let missing = held.held.move_to("one", &held.held, "free-too");
        assert!(missing.unwrap_err().is_absent());
    });
}

#[test]
fn a_tree_is_shown_from_the_inside_and_a_file_with_a_second_name_not_at_all() {
    let held = Held::new();
    fs::create_dir(held.path("held/a")).unwrap();
    fs::write(held.path("held/a/b"), "").unwrap();
    let shown = std::cell::RefCell::new(Vec::new());
    let show = |_: &File, path: &Path| {
        shown.borrow_mut().push(path.to_owned());
        Ok(())
    };
    held.held.visit(&show).unwrap();
    let expected = ["a/b", "a", ""].map(|name| held.held.at(name));
    assert_eq!(shown.take(), expected);
    fs::hard_link(held.path("elsewhere/file"), held.path("held/a/theirs")).unwrap();
    held.held.visit(&show).unwrap_err();
    assert!(!shown.take().iter().any(|path| path.ends_with("theirs")));
    fs::remove_file(held.path("held/a/theirs")).unwrap();
    symlink(held.path("elsewhere/file"), held.path("held/a/theirs")).unwrap();
    held.held.visit(&show).unwrap_err();
}

#[test]
fn what_is_created_is_its_owners_alone() {
    let held = Held::new();
    let mode = |metadata: Metadata| metadata.permissions().mode() & 0o777;
    let directory = held.held.create_directory("a").unwrap();
    assert_eq!(mode(directory.metadata().unwrap()), 0o700);
    let file = directory.create_file("b").unwrap();
    assert_eq!(mode(file.metadata().unwrap()), 0o600);
    assert!(directory.is(&held.held, "a").unwrap());
    assert!(directory.lock().unwrap());
    assert!(!held.held.directory("a").unwrap().lock().unwrap());
}
