use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::*;

/// Bytes in memory that count how many of them were read.
#[derive(Debug)]
struct Counted {
    bytes: Vec<u8>,
    read: AtomicU64,
    /// Cannot be read from here on.
    sound: u64,
}

impl Counted {
    fn new(length: u64) -> Self {
        Self {
            bytes: (0..length).map(|at| (at / 5 % 251) as u8).collect(),
            read: AtomicU64::new(0),
            sound: length,
        }
    }
}

impl ReadAt for Counted {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        if offset + buf.len() as u64 > self.sound {
            return Err(io::Error::other("broken"));
        }
        self.read.fetch_add(buf.len() as u64, Ordering::Relaxed);
        self.bytes.read_exact_at(buf, offset)
    }

    fn size(&self) -> io::Result<u64> {
        self.bytes.size()
    }
}

const PAGE: u64 = 4096;

/// Hashes the bytes, while pages are read in this order and held against what they should be. Gives how many bytes were read.
fn both(length: u64, mut order: impl Iterator<Item = u64>) -> u64 {
    let shared = Arc::new(Shared::new(Counted::new(length)).unwrap());
    let mut alone = Hash::default();
    alone.update(&shared.source.bytes);
    // As if hashing had just begun, so that building is with it from its first page on.
    shared.kept().hashing = Some(0);
    thread::scope(|scope| {
        let reader = Reader::of(&shared);
        let read = |page: u64| {
            let mut bytes = vec![0; PAGE.min(length - page * PAGE) as usize];
            reader.read_exact_at(&mut bytes, page * PAGE).unwrap();
            let start = (page * PAGE) as usize;
            let there = &shared.source.bytes[start..start + bytes.len()];
            assert!(bytes == there, "page {page}");
        };
        order.next().into_iter().for_each(read);
        let hashing = scope.spawn(|| shared.hash(|| false).unwrap());
        order.for_each(read);
        drop(reader);
        assert_eq!(hashing.join().unwrap().whole, alone.finish().whole);
    });
    shared.source.read.load(Ordering::Relaxed)
}

/// Waits until the hash is where it is to be.
fn until(shared: &Shared<Counted>, reached: impl Fn(&Kept) -> bool) {
    let started = Instant::now();
    while !reached(&shared.kept()) {
        assert!(started.elapsed() < Duration::from_secs(30), "it never came");
        thread::yield_now();
    }
}

#[test]
fn pages_in_any_order_are_what_the_file_has_and_the_hash_is_that_of_the_whole() {
    let length = 3 * KEPT * SIZE + 700;
    let pages = length.div_ceil(PAGE);
    let step = SIZE / PAGE * (KEPT + 1) + 1;
    both(length, 0..pages);
    both(length, (0..pages).rev());
    both(length, (0..pages).map(|page| page * step % pages));
    both(length, (pages / 2..pages).chain(0..pages / 2));
    // Between two places, so that neither is ever near for long.
    both(
        length,
        (0..pages).map(|page| {
            if page % 2 == 0 {
                page / 2
            } else {
                pages - 1 - page / 2
            }
        }),
    );
    both(length, std::iter::empty());
    both(0, std::iter::empty());
    both(1, std::iter::once(0));
}

#[test]
fn two_that_follow_each_other_read_the_file_but_once() {
    let length = 8 * KEPT * SIZE;
    let read = both(length, 0..length / PAGE);
    // A piece that both want at the same moment is read by both.
    assert!(read < length + length / 2, "{read} of {length} bytes");
}

#[test]
fn who_is_ahead_waits_for_who_follows_and_for_nobody_else() {
    let length = 4 * KEPT * SIZE;
    let shared = Arc::new(Shared::new(Counted::new(length)).unwrap());
    thread::scope(|scope| {
        let reader = Reader::of(&shared);
        shared.kept().hashing = Some(0);
        let mut page = [0; PAGE as usize];
        reader.read_exact_at(&mut page, 0).unwrap();
        scope.spawn(|| shared.hash(|| false).unwrap());
        // It stands before the piece that would take the place of the one behind the one that is built from.
        until(&shared, |kept| kept.hashing == Some(KEPT + 1));
        // Somewhere else, but not for long: it still follows.
        for _ in 1..ASTRAY {
            reader.read_exact_at(&mut page, length - PAGE).unwrap();
        }
        assert_eq!(shared.kept().hashing, Some(KEPT + 1));
        reader.read_exact_at(&mut page, SIZE * (AT_ONCE + 1)).unwrap();
        until(&shared, |kept| kept.hashing > Some(KEPT + AT_ONCE));
        for _ in 0..ASTRAY {
            reader.read_exact_at(&mut page, 0).unwrap();
        }
        until(&shared, |kept| kept.hashing.is_none());
    });
}

#[test]
fn what_cannot_be_read_is_told_to_whoever_wants_it_and_nobody_waits_for_ever() {
    let length = 3 * KEPT * SIZE;
    for sound in [0, SIZE, KEPT * SIZE + 5, length - 1] {
        let mut source = Counted::new(length);
        source.sound = sound;
        let shared = Arc::new(Shared::new(source).unwrap());
        thread::scope(|scope| {
            let reader = Reader::of(&shared);
            let hashing = scope.spawn(|| shared.hash(|| false));
            let mut page = [0; PAGE as usize];
            let failed = (0..length / PAGE).find(|at| reader.read_exact_at(&mut page, at * PAGE).is_err());
            assert!(
                failed.is_some_and(|page| page * PAGE + SIZE >= sound),
                "{failed:?}"
            );
            drop(reader);
            let error = hashing.join().unwrap().unwrap_err();
            assert!(matches!(error, RestoreError::ReadSource(_)), "{error:?}");
        });
    }
}
