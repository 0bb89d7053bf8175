//! Renames that are killed or fail in between, on a filesystem that can exchange directories and on one that cannot.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::*;
use crate::directory::tests::without_rename_flags;
use crate::restore::cluster::InitialCluster;
use crate::restore::control::{Control, Step, Steps, Stopped};

const BUILT: &str = "m0.etcd.restoring-0123456789abcdef";
const SWAPPING: &str = "m0.etcd.swapping-0123456789abcdef";
const ASIDE: &str = "m0.etcd.replaced-then";

/// An old directory, and a new one built beside it.
struct Scene {
    folder: tempfile::TempDir,
    place: Place,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fill(&folder.path().join("m0.etcd"), "old");
        let mut place = prepare(folder.path(), "0123456789abcdef");
        place.stage().unwrap();
        fill(&folder.path().join(BUILT), "new");
        Self { folder, place }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What is in the place.
    fn holds(&self) -> Option<String> {
        holds(&self.path("m0.etcd"))
    }

    /// Puts the new directory in place, and takes that back where `taken_back`. `act` may stop it at every edge.
    fn run(
        &self,
        exchange: bool,
        taken_back: bool,
        act: impl Fn(Step) -> Result<(), Stopped> + Sync,
    ) -> Result<(), RestoreError> {
        let steps = Acting(act);
        let control = Control {
            steps: Some(&steps),
            ..Control::default()
        };
        let go = || {
            let undo = commit(&self.place, 0, &control)?;
            if taken_back {
                let first = RestoreError::Request("another member cannot be put in place");
                return Err(take_back([undo].into_iter(), first, &control));
            }
            Ok(())
        };
        if exchange { go() } else { without_rename_flags(go) }
    }

    /// The edges of such a run that nobody stops.
    fn edges(exchange: bool, taken_back: bool) -> Vec<Step> {
        let seen = Mutex::new(Vec::new());
        let run = Self::new().run(exchange, taken_back, |step| {
            seen.lock().unwrap().push(step);
            Ok(())
        });
        assert_eq!(run.is_ok(), !taken_back);
        seen.into_inner().unwrap()
    }

    /// Old and new directory are both there, whole, and under no other names than these.
    fn assert_nothing_is_lost(&self, at: &str) {
        let mut found = Vec::new();
        for name in ["m0.etcd", ASIDE, BUILT, SWAPPING] {
            found.extend(holds(&self.path(name)));
        }
        found.sort();
        assert_eq!(found, ["new", "old"], "{at}");
        assert_eq!(fs::read_dir(self.folder.path()).unwrap().count(), 2, "{at}");
    }
}

fn prepare(folder: &Path, suffix: &str) -> Place {
    let mut request = Request::new(InitialCluster::default(), Vec::new(), [7; 16]);
    request.existing = Existing::Replace {
        stamp: "then".to_owned(),
    };
    Place::prepare(&folder.join("m0.etcd"), Purpose::Data, &request, suffix).unwrap()
}

fn fill(directory: &Path, word: &str) {
    fs::create_dir_all(directory.join("member/snap")).unwrap();
    fs::write(directory.join("member/snap/db"), word).unwrap();
}

fn holds(directory: &Path) -> Option<String> {
    fs::read_to_string(directory.join("member/snap/db")).ok()
}

struct Acting<F>(F);

impl<F: Fn(Step) -> Result<(), Stopped> + Sync> Steps for Acting<F> {
    fn reached(&self, step: Step) -> Result<(), Stopped> {
        (self.0)(step)
    }
}

#[test]
fn a_kill_between_renames_loses_nothing_and_only_where_nothing_can_be_exchanged_leaves_nothing_in_place() {
    for (exchange, taken_back) in [(true, false), (true, true), (false, false), (false, true)] {
        let edges = Scene::edges(exchange, taken_back);
        let mut empty = 0;
        for (at, step) in edges.iter().enumerate() {
            let scene = Scene::new();
            let edge = std::sync::atomic::AtomicUsize::new(0);
            let outcome = scene.run(exchange, taken_back, |_| {
                let now = edge.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if now == at { Err(Stopped) } else { Ok(()) }
            });
            let name = format!("{exchange} {taken_back} {step:?}");
            assert_eq!(outcome.unwrap_err().reason(), "Stopped", "{name}");
            scene.assert_nothing_is_lost(&name);
            if scene.holds().is_none() {
                empty += 1;
                assert_eq!(holds(&scene.path(ASIDE)).as_deref(), Some("old"), "{name}");
            }
            // Whoever restores again loses the old one neither, whatever is removed then.
            let Scene { folder, place } = scene;
            drop(place);
            let mut again = prepare(folder.path(), "fedcba9876543210");
            again.stage().unwrap();
            let names = ["m0.etcd", ASIDE, SWAPPING].map(|name| folder.path().join(name));
            assert!(
                names.iter().any(|name| holds(name).as_deref() == Some("old")),
                "{name}"
            );
            assert_eq!(again.leftovers().len(), usize::from(names[2].exists()), "{name}");
        }
        let expected = match (exchange, taken_back) {
            (true, _) => 0,
            (false, false) => 1,
            (false, true) => 2,
        };
        assert_eq!(empty, expected, "{exchange} {taken_back}: {edges:?}");
    }
}

#[test]
fn what_is_taken_back_is_as_it_was_and_the_new_one_where_it_was_built() {
    for exchange in [true, false] {
        let scene = Scene::new();
        let error = scene.run(exchange, true, |_| Ok(())).unwrap_err();
        assert_eq!(error.reason(), "InvalidRequest", "{error}");
        assert_eq!(scene.holds().as_deref(), Some("old"));
        assert_eq!(holds(&scene.path(BUILT)).as_deref(), Some("new"));
        scene.assert_nothing_is_lost("taken back");
    }
}

#[test]
fn a_rename_that_fails_in_between_puts_the_old_directory_back() {
    // The name for the old one is taken, before it goes there or when it has changed places already.
    for (exchange, edge) in [(false, Step::BeforeSwap(0)), (true, Step::Swapped(0))] {
        let scene = Scene::new();
        let error = scene.run(exchange, false, |step| {
            if step == edge {
                fs::create_dir(scene.path(ASIDE)).unwrap();
            }
            Ok(())
        });
        assert_eq!(error.unwrap_err().reason(), "WriteFailed", "{edge:?}");
        assert_eq!(scene.holds().as_deref(), Some("old"), "{edge:?}");
        assert_eq!(holds(&scene.path(BUILT)).as_deref(), Some("new"), "{edge:?}");
    }
    // The new one is gone when the old one is aside.
    let scene = Scene::new();
    let error = scene.run(false, false, |step| {
        if step == Step::SetAside(0) {
            fs::rename(scene.path(SWAPPING), scene.path("stolen")).unwrap();
        }
        Ok(())
    });
    assert_eq!(error.unwrap_err().reason(), "WriteFailed");
    assert_eq!(scene.holds().as_deref(), Some("old"));
    assert!(!scene.path(ASIDE).exists());
}

#[test]
fn where_the_old_directory_cannot_be_put_back_the_error_says_where_it_is() {
    for (taken_back, edge) in [(false, Step::SetAside(0)), (true, Step::TakingBack(0))] {
        let scene = Scene::new();
        let error = scene.run(false, taken_back, |step| {
            if step == edge {
                fill(&scene.path("m0.etcd"), "theirs");
            }
            Ok(())
        });
        let error = error.unwrap_err();
        assert_eq!(error.reason(), "UndoFailed", "{error}");
        assert!(error.to_string().ends_with(ASIDE), "{error}");
        assert_eq!(scene.holds().as_deref(), Some("theirs"));
        assert_eq!(holds(&scene.path(ASIDE)).as_deref(), Some("old"));
    }
}

#[test]
fn an_etcd_that_starts_at_the_last_moment_keeps_its_directory() {
    for exchange in [true, false] {
        let scene = Scene::new();
        let started = Mutex::new(None);
        let error = scene.run(exchange, false, |step| {
            if step == Step::BeforeSwap(0) {
                let database = File::open(scene.path("m0.etcd/member/snap/db")).unwrap();
                database.lock().unwrap();
                *started.lock().unwrap() = Some(database);
            }
            Ok(())
        });
        assert_eq!(error.unwrap_err().reason(), "TargetInUse");
        assert_eq!(scene.holds().as_deref(), Some("old"));
        assert_eq!(holds(&scene.path(BUILT)).as_deref(), Some("new"));
    }
}
