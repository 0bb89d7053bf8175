//! Files on disk, and sources that fail.

use std::cell::Cell;
use std::io;

use etcd_backup_bolt::forge::Forge;
use etcd_backup_bolt::walk::{Bolt, ReadAt};
use etcd_backup_bolt::{BoltError, Limits};

use crate::support::{Pairs, rest, walk};

fn database(pairs: &Pairs) -> Vec<u8> {
    Forge::default().database(&[(b"a", pairs.clone())]).bytes
}

fn many() -> Pairs {
    (0_u16..500)
        .map(|key| (key.to_be_bytes().to_vec(), vec![7; 60]))
        .collect()
}

#[test]
fn a_file_gives_what_the_same_bytes_give() {
    let bytes = database(&many());
    let path = std::env::temp_dir().join(format!("etcd-backup-walk-{}", std::process::id()));
    std::fs::write(&path, &bytes).unwrap();
    let file = std::fs::File::open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let bolt = Bolt::open(file, Limits::default()).unwrap();
    let pairs = rest(&mut bolt.bucket(b"a").unwrap().unwrap().walk()).unwrap();
    assert_eq!(pairs, walk(&bytes).unwrap()[0].2);
    assert_eq!(pairs, many());
}

/// Counts reads and fails from a certain one on.
struct Failing {
    bytes: Vec<u8>,
    reads: Cell<usize>,
    good: usize,
}

impl ReadAt for Failing {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.reads.set(self.reads.get() + 1);
        if self.reads.get() > self.good {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the disk is gone"));
        }
        self.bytes.read_exact_at(buf, offset)
    }

    fn size(&self) -> io::Result<u64> {
        self.bytes.size()
    }
}

#[test]
fn what_the_source_says_is_told_whenever_it_fails() {
    let mut good = 0;
    loop {
        let source = Failing {
            bytes: database(&many()),
            reads: Cell::new(0),
            good,
        };
        let result = Bolt::open(source, Limits::default())
            .and_then(|bolt| rest(&mut bolt.bucket(b"a")?.unwrap().walk()));
        match result {
            Ok(pairs) => break assert_eq!(pairs, many()),
            Err(BoltError::Read { kind, why, .. }) => {
                assert_eq!(kind, io::ErrorKind::TimedOut);
                assert_eq!(why, "the disk is gone");
            }
            Err(other) => panic!("after {good} reads: {other}"),
        }
        good += 1;
    }
    assert!(good > 100, "{good}");
}

#[test]
fn a_node_is_read_once_and_what_lies_elsewhere_is_not() {
    let mut pairs = many();
    pairs[3].1 = vec![1; 3000];
    let source = Failing {
        bytes: Forge {
            stale: 40,
            ..Forge::default()
        }
        .database(&[(b"a", pairs.clone())])
        .bytes,
        reads: Cell::new(0),
        good: usize::MAX,
    };
    let bolt = Bolt::open(source, Limits::default()).unwrap();
    let bucket = bolt.bucket(b"a").unwrap().unwrap();
    let before = bolt.source().reads.get();
    assert_eq!(rest(&mut bucket.walk()).unwrap(), pairs);
    let reads = bolt.source().reads.get() - before;
    // Every page but two meta pages, one root and forty stale ones; the long node takes two reads.
    let pages = usize::try_from(bolt.meta().pages).unwrap();
    let overflow = 3;
    assert_eq!(reads, pages - 2 - 1 - 40 - overflow + 1, "{pages} pages");
    // The first key of a leaf is not looked for in the leaf before it: every path is as long as the last one.
    let cost = |key: &[u8]| {
        let before = bolt.source().reads.get();
        assert!(bucket.get(key).unwrap().is_some());
        bolt.source().reads.get() - before
    };
    let depth = cost(&pairs[499].0);
    for (key, _) in &pairs[20..] {
        assert!(cost(key) <= depth, "{key:?}");
    }
}
