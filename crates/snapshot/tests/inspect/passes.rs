//! How often the file is read, which is what a small window costs.

use std::cell::Cell;
use std::io;

use etcd_backup_bolt::forge::Forge;
use etcd_backup_bolt::walk::ReadAt;
use etcd_backup_snapshot::inspect::{Limits, Selection, Snapshot};

use crate::store::Store;

struct Counting {
    bytes: Vec<u8>,
    read: Cell<u64>,
}

impl ReadAt for Counting {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.read.set(self.read.get() + buf.len() as u64);
        self.bytes.read_exact_at(buf, offset)
    }

    fn size(&self) -> io::Result<u64> {
        self.bytes.size()
    }
}

fn store(keys: usize) -> Store {
    let mut store = Store::default();
    // Not in the order of the keys.
    for number in (0..keys).map(|number| number * 7919 % keys) {
        store.transaction(vec![(
            format!("/registry/pods/default/pod-{number:06}").into(),
            Some(vec![1; 100]),
        )]);
    }
    store
}

/// Bytes read for so many keys of the listing, in passes over the bucket, rounded up.
fn passes(store: &Store, window: u64, wanted: usize) -> u64 {
    let source = Counting {
        bytes: store.file(&Forge::default()),
        read: Cell::new(0),
    };
    let limits = Limits {
        window,
        ..Limits::default()
    };
    let snapshot = Snapshot::from_source(&source, limits).unwrap();
    source.read.set(0);
    let keys = snapshot.keys(&Selection::default()).unwrap().take(wanted);
    assert_eq!(keys.filter_map(Result::ok).count(), wanted);
    // What one pass reads: all pages but the two of meta.
    source.read.get().div_ceil(source.bytes.len() as u64)
}

#[test]
fn a_window_for_all_keys_takes_one_pass_and_a_smaller_one_more() {
    let store = store(1000);
    assert_eq!(passes(&store, 1 << 20, 1000), 1);
    let halves = passes(&store, 100_000, 1000);
    assert!((2..=3).contains(&halves), "{halves}");
    let tenths = passes(&store, 20_000, 1000);
    assert!((8..=12).contains(&tenths), "{tenths}");
}

#[test]
fn keys_that_nobody_asks_for_cost_no_pass() {
    let store = store(1000);
    assert_eq!(passes(&store, 20_000, 50), 1);
}

#[test]
fn keys_that_were_deleted_do_not_make_passes_endless() {
    let mut store = store(400);
    for number in 0..399 {
        store.transaction(vec![(
            format!("/registry/pods/default/pod-{number:06}").into(),
            None,
        )]);
    }
    let taken = passes(&store, 20_000, 1);
    assert!((2..=6).contains(&taken), "{taken}");
}
