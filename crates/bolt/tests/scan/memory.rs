//! The law of memory: notes grow with leaves, not with what is in them.

use etcd_backup_bolt::forge::{Forge, Pair};
use etcd_backup_bolt::{Leaf, LeafVisitor, Limits, Scanner};

struct Nothing;

impl LeafVisitor for Nothing {
    fn leaf(&mut self, _: &Leaf<'_>, _: &mut Vec<u8>) {}
}

/// Bytes of notes for each page of a database with etcd's keys, and its number of pages.
fn notes_per_page(records: u64, value: usize, leaf_keys: usize) -> (f64, f64) {
    let revision = |main: u64| [&main.to_be_bytes()[..], b"_", &(main % 3).to_be_bytes()].concat();
    let pairs: Vec<Pair> = (0..records)
        .map(|record| (revision(9_000_000 + 7 * record), vec![1; value]))
        .collect();
    let forge = Forge {
        page_size: 4096,
        leaf_keys,
        ..Forge::default()
    };
    let file = forge.database(&[(b"key", pairs)]).bytes;
    let mut scanner = Scanner::new(Nothing, Limits::default());
    file.chunks(32 << 10)
        .for_each(|bytes| assert!(scanner.push(bytes).is_ok()));
    let pages = (file.len() / 4096) as f64;
    let notes = scanner.memory() as f64 / pages;
    assert!(scanner.finish().is_ok());
    (notes, pages)
}

#[test]
fn a_leaf_costs_less_than_forty_bytes() {
    let (notes, pages) = notes_per_page(60_000, 10, 3);
    assert!(pages > 30_000.0, "{pages} pages");
    assert!(notes < 40.0, "{notes} bytes a page");
}

#[test]
fn values_cost_nothing_but_the_number_of_their_pages() {
    let (notes, pages) = notes_per_page(300, 400_000, 1);
    assert!(pages > 20_000.0, "{pages} pages");
    assert!(notes < 20.0, "{notes} bytes a page");
}
