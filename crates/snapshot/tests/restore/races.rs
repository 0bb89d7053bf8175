//! Somebody who may write on the way to a target, and puts something else in its place while it is restored.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use etcd_backup_snapshot::restore::{Control, Existing, Links, Request, RestoreError, Step, Steps, Stopped};

use crate::support::{Scratch, fixture, is_new, is_old, names, old, restore_file, restore_with};

/// Does something at every edge, which is given with its number.
struct Doing<F> {
    edges: AtomicUsize,
    act: F,
}

impl<F: Fn(usize, Step) + Sync> Steps for Doing<F> {
    fn reached(&self, step: Step) -> Result<(), Stopped> {
        (self.act)(self.edges.fetch_add(1, Ordering::Relaxed), step);
        Ok(())
    }
}

/// A target in a directory that somebody else may rename, and another directory that nothing may reach.
struct Place {
    scratch: Scratch,
    request: Request,
}

impl Place {
    fn new() -> Self {
        let scratch = Scratch::new();
        old(&scratch, "parent/m0.etcd");
        old(&scratch, "elsewhere/m0.etcd");
        let mut request = scratch.request(1);
        request.targets[0].data_dir = scratch.path("parent/m0.etcd");
        request.existing = Existing::Replace {
            stamp: "20261124T140500Z".to_owned(),
        };
        Self { scratch, request }
    }

    /// Restores, and does `act` at every edge.
    fn restore(&self, act: impl Fn(usize, Step) + Sync) -> Result<(), RestoreError> {
        let steps = Doing {
            edges: AtomicUsize::new(0),
            act,
        };
        let control = Control {
            steps: Some(&steps),
            ..Control::default()
        };
        restore_with(&fixture("3.6.14").snapshot, &self.request, control).map(drop)
    }

    /// The edges of such a restore, when nobody disturbs it.
    fn edges() -> Vec<Step> {
        let edges = Mutex::new(Vec::new());
        Self::new()
            .restore(|_, step| edges.lock().unwrap().push(step))
            .unwrap();
        edges.into_inner().unwrap()
    }

    /// What is being built, by its name in `parent`.
    fn building(&self) -> Option<PathBuf> {
        let parent = self.scratch.path("parent");
        let name = names(&parent)
            .into_iter()
            .find(|name| name.contains(".restoring-"));
        name.map(|name| parent.join(name))
    }

    fn assert_elsewhere_is_untouched(&self, step: Step) {
        let elsewhere = self.scratch.path("elsewhere");
        assert_eq!(names(&elsewhere), ["m0.etcd"], "{step:?}");
        assert!(is_old(&elsewhere.join("m0.etcd")), "{step:?}");
    }
}

#[test]
fn whenever_the_parent_becomes_a_link_nothing_is_done_where_it_leads_and_the_old_data_stays() {
    let edges = Place::edges();
    assert!(edges.len() >= 9, "{edges:?}");
    for (at, step) in edges.into_iter().enumerate() {
        let place = Place::new();
        let [parent, moved, elsewhere] =
            ["parent", "moved", "elsewhere"].map(|name| place.scratch.path(name));
        let restored = place.restore(|edge, _| {
            if edge == at {
                fs::rename(&parent, &moved).unwrap();
                symlink(&elsewhere, &parent).unwrap();
            }
        });
        place.assert_elsewhere_is_untouched(step);
        if step == Step::Placed(0) {
            // It was in place. What becomes of the place later is nobody's promise.
            restored.unwrap();
            continue;
        }
        assert_eq!(restored.unwrap_err().reason(), "TargetChanged", "{step:?}");
        assert_eq!(names(&moved), ["m0.etcd"], "{step:?}");
        assert!(is_old(&moved.join("m0.etcd")), "{step:?}");
    }
}

#[test]
fn what_is_built_goes_into_the_directory_that_was_made_whatever_has_its_name() {
    let mut stolen_at = 0;
    for (at, step) in Place::edges().into_iter().enumerate() {
        for by_a_link in [true, false] {
            let place = Place::new();
            let (stolen, elsewhere) = (place.scratch.path("stolen"), place.scratch.path("elsewhere"));
            let restored = place.restore(|edge, _| {
                let Some(building) = place.building().filter(|_| edge == at) else {
                    return;
                };
                fs::rename(&building, &stolen).unwrap();
                if by_a_link {
                    symlink(&elsewhere, &building).unwrap();
                } else {
                    fs::create_dir_all(building.join("member/snap")).unwrap();
                }
            });
            place.assert_elsewhere_is_untouched(step);
            if !stolen.exists() {
                restored.unwrap();
                continue;
            }
            stolen_at += 1;
            assert_eq!(restored.unwrap_err().reason(), "TargetChanged", "{step:?}");
            assert!(is_new(&stolen), "{step:?}: it was written elsewhere");
            assert!(is_old(&place.scratch.path("parent/m0.etcd")), "{step:?}");
            // What they put there is not ours to remove.
            assert_eq!(names(&place.scratch.path("parent")).len(), 2, "{step:?}");
        }
    }
    assert!(stolen_at >= 10, "{stolen_at}");
}

#[test]
fn what_somebody_puts_in_place_of_the_new_directory_is_not_called_restored() {
    let place = Place::new();
    let stolen = place.scratch.path("stolen");
    let restored = place.restore(|_, step| {
        if let Step::Swapped(_) = step {
            let name = place.scratch.path("parent/m0.etcd");
            fs::rename(&name, &stolen).unwrap();
            fs::create_dir_all(name.join("member")).unwrap();
        }
    });
    let error = restored.unwrap_err();
    assert_eq!(error.reason(), "UndoFailed");
    assert!(is_new(&stolen));
    // Theirs is not ours to move. The old data is where the error says.
    let aside = place.scratch.path("parent/m0.etcd.replaced-20261124T140500Z");
    assert!(
        is_old(&aside) && error.to_string().contains(&*aside.to_string_lossy()),
        "{error}"
    );
}

#[test]
fn an_etcd_that_is_started_while_the_new_directory_is_built_keeps_its_own_and_its_log() {
    let mut place = Place::new();
    let wal = place.scratch.path("wal");
    fs::create_dir(&wal).unwrap();
    fs::write(wal.join("0.wal"), "old").unwrap();
    place.request.targets[0].wal_dir = Some(wal.clone());
    let data = place.scratch.path("parent/m0.etcd");
    let running = Mutex::new(None);
    let restored = place.restore(|_, step| {
        if step == Step::MemberChecked(0) {
            let database = fs::File::open(data.join("member/snap/db")).unwrap();
            database.lock().unwrap();
            *running.lock().unwrap() = Some(database);
        }
        // Its log is in use too, though nothing tells.
        assert!(!matches!(step, Step::BeforeSwap(_) | Step::SetAside(_)));
    });
    assert_eq!(restored.unwrap_err().reason(), "TargetInUse");
    assert!(is_old(&data) && wal.join("0.wal").exists());
    assert_eq!(names(&place.scratch.path("parent")), ["m0.etcd"]);
    assert_eq!(place.scratch.names(), ["elsewhere", "parent", "wal"]);
}

#[test]
fn a_link_that_an_administrator_put_on_the_way_is_followed() {
    let scratch = Scratch::new();
    old(&scratch, "disk/etcd/m0.etcd");
    symlink(scratch.path("disk"), scratch.path("mnt")).unwrap();
    symlink(Path::new("mnt/etcd"), scratch.path("lib")).unwrap();
    let mut request = scratch.request(1);
    request.targets[0].data_dir = scratch.path("lib/m0.etcd");
    request.targets[0].wal_dir = Some(scratch.path("mnt/wal"));
    request.existing = Existing::Replace {
        stamp: "before".to_owned(),
    };
    restore_file(&fixture("3.6.14").snapshot, &request).unwrap();
    assert_eq!(
        names(&scratch.path("disk/etcd")),
        ["m0.etcd", "m0.etcd.replaced-before"]
    );
    assert!(scratch.path("disk/etcd/m0.etcd/member/snap/db").exists());
    assert!(
        scratch
            .path("disk/wal/0000000000000000-0000000000000000.wal")
            .exists()
    );
}

#[test]
fn a_link_on_the_way_is_refused_where_the_path_was_resolved_before() {
    let place = Place::new();
    let mut request = place.request.clone();
    request.links = Links::Refuse;
    fs::rename(place.scratch.path("parent"), place.scratch.path("moved")).unwrap();
    symlink(place.scratch.path("elsewhere"), place.scratch.path("parent")).unwrap();
    let error = restore_file(&fixture("3.6.14").snapshot, &request).unwrap_err();
    assert_eq!(error.reason(), "InvalidTarget", "{error}");
    place.assert_elsewhere_is_untouched(Step::Begin);
    request.targets[0].data_dir = place.scratch.path("moved/m0.etcd");
    restore_file(&fixture("3.6.14").snapshot, &request).unwrap();
    assert!(is_new(&place.scratch.path("moved/m0.etcd")));
}
