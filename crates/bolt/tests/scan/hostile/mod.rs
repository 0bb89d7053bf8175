//! Files made to hurt: each is refused for what it is, in time and memory that its length bounds.

mod bounds;
mod free_pages;
mod meta_pages;
mod nodes;
mod trees;

use etcd_backup_bolt::forge::{Forge, Pair, branch, freelist, leaf, meta, page_bucket, seal_meta};
use etcd_backup_bolt::{BoltError, Flaw, Limits, MetaFlaw};

use crate::support::{Contents, read, scan, scan_whole};

const PAGE: usize = 1024;

/// A file of these pages behind its meta pages, with the root on page 2.
fn file(pages: &[Vec<u8>]) -> Vec<u8> {
    let body = pages.concat();
    let count = 2 + (body.len() / PAGE) as u64;
    let metas = [meta(0, PAGE, 2, None, count, 8), meta(1, PAGE, 2, None, count, 7)];
    [metas.concat(), body].concat()
}

/// A root leaf on page 2 with one bucket whose tree starts at page 3.
fn root() -> Vec<u8> {
    root_to(3)
}

fn root_to(page: u64) -> Vec<u8> {
    let mut bytes = leaf(2, &[(b"bucket".to_vec(), page_bucket(page, 0))], PAGE);
    bytes[16] = 1;
    bytes
}

fn pair(key: u8) -> Pair {
    (vec![key], vec![key; 4])
}

fn children(pages: &[u64]) -> Vec<(Vec<u8>, u64)> {
    pages
        .iter()
        .zip(0_u8..)
        .map(|(page, key)| (vec![key * 16], *page))
        .collect()
}

/// Both readers refuse it; returns what the scanner says.
fn refused(file: &[u8]) -> BoltError {
    let error = scan_whole(file).unwrap_err();
    assert_eq!(scan(file, &[333], Limits::default()), Err(error.clone()));
    assert!(read(file).is_err(), "the reader in memory lets it pass: {error}");
    error
}

fn accepted(file: &[u8]) -> Contents {
    let contents = scan_whole(file).unwrap();
    assert_eq!(read(file).as_ref(), Ok(&contents));
    contents
}

#[test]
fn the_hand_made_base_is_sound() {
    let contents = accepted(&file(&[
        root(),
        branch(3, &children(&[4, 5]), PAGE),
        leaf(4, &[pair(1)], PAGE),
        leaf(5, &[pair(16)], PAGE),
    ]));
    assert_eq!(contents[0].2, [pair(1), pair(16)]);
}
