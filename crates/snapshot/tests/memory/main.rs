//! The law of the verifier's memory, measured: what an allocator counts while hundreds of megabytes pass.
//!
//! A process of its own with one test, since the allocator counts whatever the process does.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    reason = "helpers of tests, which fail by panicking and build small numbers"
)]

mod database;

use etcd_backup_snapshot::Verifier;
use peak_alloc::PeakAlloc;

use database::{Database, Passing};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const MIB: u64 = 1 << 20;

/// What the verifier holds whatever it reads: nodes that are not complete yet, blocks that are not full yet and are moved to grow.
const ALWAYS: u64 = 2 * MIB;
/// `Limits::ample`, and what it grows by with each page.
const AMPLE: (u64, u64) = (11 * MIB, 32);

/// What was measured of one database.
struct Seen {
    pages: u64,
    leaves: u64,
    records: u64,
    /// The most at any time, in bytes.
    peak: u64,
}

impl Seen {
    /// What `docs/performance.md` says: for each page, each leaf page and each record, and `more` for each record besides.
    fn law(&self, more: u64) -> u64 {
        ALWAYS + 4 * self.pages + 34 * self.leaves + (2 + more) * self.records
    }

    /// The same where HashKV is given up in time: when everything takes more than the ample memory.
    fn most(&self) -> u64 {
        let ample = AMPLE.0 + AMPLE.1 * self.pages;
        self.law(0).max(ample + ALWAYS)
    }
}

fn verify(database: &Database) -> Seen {
    // Once for the meta pages, which come first and are known last; and to know what writing takes by itself.
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let (_, head) = database.write(std::io::sink());
    let writing = ALLOCATOR.peak_usage() - before;

    ALLOCATOR.reset_peak_usage();
    let mut passing = Passing::new(Verifier::new());
    passing.pass(&head.bytes());
    let (passing, again) = database.write(passing);
    assert_eq!(again.bytes(), head.bytes(), "it was not the same twice");
    // Until here what writes has its own part in it.
    let passed = ALLOCATOR.peak_usage() - before;
    ALLOCATOR.reset_peak_usage();
    passing.finish().unwrap();
    let finished = ALLOCATOR.peak_usage() - before;
    Seen {
        pages: head.database_bytes() / u64::from(database::PAGE),
        leaves: database.leaves(),
        records: database.records,
        peak: passed.saturating_sub(writing).max(finished) as u64,
    }
}

#[test]
fn a_verification_takes_what_the_law_says_however_large_the_database() {
    // Values of many pages: their size costs 4 bytes a page.
    let large = verify(&Database::of(1_000, 400_000));
    assert!(large.pages > 97_000, "{} pages", large.pages);
    within("large values", large.peak, large.law(14));

    // As many records as fit: HashKV is given up before it takes more than the ample memory.
    let small = verify(&Database::of(1_500_000, 170));
    assert!(small.pages > 80_000, "{} pages", small.pages);
    within("small values", small.peak, small.most());

    // The same while a compaction is under way: 8 bytes a record, and a set of the keys in the end.
    let compacting = verify(&Database::of(1_500_000, 170).compacting());
    let set = set_of(compacting.records / 2);
    within("a compaction", compacting.peak, compacting.law(8) + set);

    // A quarter of 2 GiB with a quarter of a million records, and by the same law all of it: the promise of P8.
    let quarter = verify(&Database::of(262_144, 1_950));
    assert!(
        quarter.pages * u64::from(database::PAGE) >= 512 * MIB,
        "{} pages",
        quarter.pages
    );
    within("a quarter of 2 GiB", quarter.peak, quarter.most());
    let whole = Seen {
        pages: 4 * quarter.pages,
        leaves: 4 * quarter.leaves,
        records: 4 * quarter.records,
        ..quarter
    };
    assert!(whole.most() <= 32 * MIB, "2 GiB may take {} bytes", whole.most());
}

/// What a set of so many keys takes while it grows for the last time: 9 bytes for each of its places, which are a power of two and
/// at most seven eighths full (the standard library's), and half as many before.
fn set_of(keys: u64) -> u64 {
    let places = (keys * 8 / 7).next_power_of_two();
    9 * (places + places / 2)
}

fn within(what: &str, peak: u64, bound: u64) {
    println!("{what}: {peak} bytes of {bound}");
    assert!(peak <= bound, "{what}: {peak} bytes, and the law allows {bound}");
    // A law with room to spare would hide what it does not know of.
    assert!(
        peak > bound / 8,
        "{what}: {peak} bytes, and the law allows {bound}: it says nothing"
    );
}
