//! Restores that are killed, at any edge, and one that is stopped half-way.

use std::collections::BTreeSet;
use std::sync::Mutex;

use etcd_backup_snapshot::restore::{Control, Existing, Request, Step, Steps, Stopped, Warning};

use crate::support::{Scratch, fixture, is_new, is_old, old, replace, restore_file, restore_with};

/// Notes every step, and stops at one of them.
#[derive(Default)]
struct StopAt {
    at: Option<usize>,
    seen: Mutex<Vec<Step>>,
}

impl Steps for StopAt {
    fn reached(&self, step: Step) -> Result<(), Stopped> {
        let mut seen = self.seen.lock().unwrap();
        seen.push(step);
        if self.at == Some(seen.len()) {
            Err(Stopped)
        } else {
            Ok(())
        }
    }
}

fn run(snapshot: &[u8], request: &Request, steps: &StopAt) -> bool {
    let control = Control {
        steps: Some(steps),
        ..Control::default()
    };
    match restore_with(snapshot, request, control) {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.reason(), "Stopped", "{error}");
            false
        }
    }
}

/// Stops at every edge in turn. Gives each time the scratch directory and the edge.
fn at_every_edge(
    prepare: impl Fn(&Scratch) -> Request,
    mut check: impl FnMut(&Scratch, &Request, Step),
) -> usize {
    let snapshot = fixture("3.6.14").snapshot;
    let mut edges = BTreeSet::new();
    for at in 1.. {
        let scratch = Scratch::new();
        let request = prepare(&scratch);
        let steps = StopAt {
            at: Some(at),
            ..StopAt::default()
        };
        if run(&snapshot, &request, &steps) {
            break;
        }
        let step = *steps.seen.lock().unwrap().last().unwrap();
        edges.insert(format!("{step:?}"));
        check(&scratch, &request, step);
    }
    edges.len()
}

/// A snapshot of which everything reads well but for the checksum behind it.
fn unproved() -> Vec<u8> {
    let mut snapshot = fixture("3.6.14").snapshot;
    *snapshot.last_mut().unwrap() ^= 1;
    snapshot
}

#[test]
fn nothing_is_put_in_place_before_the_source_is_proved_however_far_the_members_are() {
    let (scratch, steps) = (Scratch::new(), StopAt::default());
    let control = Control {
        steps: Some(&steps),
        ..Control::default()
    };
    let mut request = scratch.request(2);
    request.targets = vec![scratch.target(0), scratch.target(1)];
    let error = restore_with(&unproved(), &request, control).unwrap_err();
    assert_eq!(error.reason(), "TrailerMismatch");
    assert!(scratch.names().is_empty(), "{:?}", scratch.names());
    // It is found when all is made: members are made meanwhile.
    assert_eq!(steps.seen.lock().unwrap().last(), Some(&Step::MemberChecked(1)));
}

#[test]
fn a_restore_that_is_killed_says_and_removes_nothing_even_if_its_source_is_damaged() {
    let scratch = Scratch::new();
    let built = StopAt {
        at: Some(3),
        ..StopAt::default()
    };
    assert!(!run(&unproved(), &scratch.request(1), &built));
    assert_eq!(built.seen.lock().unwrap().last(), Some(&Step::Built));
    assert_eq!(scratch.names(), ["m0.etcd.restoring-0707070707070707"]);
}

#[test]
fn a_kill_at_any_edge_leaves_nothing_or_everything_and_the_next_restore_cleans_up() {
    let prepare = |scratch: &Scratch| {
        let mut request = scratch.request(2);
        request.targets = vec![scratch.target(0), scratch.target(1)];
        request.targets[0].wal_dir = None;
        request
    };
    let edges = at_every_edge(prepare, |scratch, request, step| {
        for target in &request.targets {
            assert!(!target.data_dir.exists() || is_new(&target.data_dir), "{step:?}");
        }
        // Again, as whoever finds it would, but for members that are in place.
        let mut again = request.clone();
        again.random = [9; 16];
        again.targets.retain(|target| !target.data_dir.exists());
        if !again.targets.is_empty() {
            restore_file(&fixture("3.6.14").snapshot, &again).unwrap();
        }
        assert_eq!(scratch.names(), ["m0.etcd", "m1.etcd"], "{step:?}");
    });
    assert!(edges >= 9, "{edges}");
}

#[test]
fn a_kill_at_any_edge_of_a_replacement_leaves_the_old_or_the_new_in_place_and_loses_nothing() {
    let prepare = |scratch: &Scratch| {
        old(scratch, "m0.etcd");
        let mut request = scratch.request(1);
        replace(&mut request);
        request
    };
    let mut swapped = false;
    at_every_edge(prepare, |scratch, request, step| {
        let place = scratch.path("m0.etcd");
        assert!(is_old(&place) || is_new(&place), "{step:?}");
        let somewhere = |scratch: &Scratch| scratch.names().iter().any(|name| is_old(&scratch.path(name)));
        assert!(somewhere(scratch), "{step:?}: the old directory is gone");
        swapped |= matches!(step, Step::Swapped(_)) && is_new(&place);
        // The next restore loses it neither, and names what it does not understand.
        let mut again = request.clone();
        again.random = [9; 16];
        again.existing = Existing::Replace {
            stamp: "later".to_owned(),
        };
        let restored = restore_file(&fixture("3.6.14").snapshot, &again).unwrap();
        assert!(is_new(&place) && somewhere(scratch), "{step:?}");
        let names = scratch.names();
        assert!(
            !names.iter().any(|name| name.contains("restoring")),
            "{step:?} {names:?}"
        );
        let left = names.iter().filter(|name| name.contains("swapping")).count();
        let told = restored
            .warnings
            .iter()
            .filter(|warning| matches!(warning, Warning::Leftover { .. }));
        assert_eq!(told.count(), left, "{step:?}");
    });
    assert!(swapped, "the directories did not change places in one step");
}

#[test]
fn a_kill_between_log_and_data_leaves_no_data_without_its_log() {
    let prepare = |scratch: &Scratch| {
        let mut request = scratch.request(1);
        request.targets[0].wal_dir = Some(scratch.path("wal"));
        request
    };
    at_every_edge(prepare, |scratch, _, step| {
        let (data, log) = (scratch.path("m0.etcd"), scratch.path("wal"));
        assert!(!data.exists() || log.exists(), "{step:?}");
    });
}

/// Puts something in the way of the second member once the first is in place.
struct InTheWay(std::path::PathBuf);

impl Steps for InTheWay {
    fn reached(&self, step: Step) -> Result<(), Stopped> {
        if step == Step::BeforePlace(1) {
            std::fs::create_dir_all(self.0.join("member")).unwrap();
        }
        Ok(())
    }
}

#[test]
fn when_one_member_cannot_be_put_in_place_the_others_are_taken_back() {
    let scratch = Scratch::new();
    old(&scratch, "m0.etcd");
    let mut request = scratch.request(2);
    request.targets = vec![scratch.target(0), scratch.target(1)];
    replace(&mut request);
    let steps = InTheWay(scratch.path("m1.etcd"));
    let control = Control {
        steps: Some(&steps),
        ..Control::default()
    };
    let error = restore_with(&fixture("3.6.14").snapshot, &request, control).unwrap_err();
    assert_eq!(error.reason(), "TargetNotEmpty", "{error}");
    assert!(is_old(&scratch.path("m0.etcd")));
    assert_eq!(scratch.names(), ["m0.etcd", "m1.etcd"]);
}
