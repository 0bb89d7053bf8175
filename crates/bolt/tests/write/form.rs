//! The form: bbolt's rules for nodes, and no database before the end.

use etcd_backup_bolt::page::{BRANCH, Branch, Header, LEAF, Leaf};
use etcd_backup_bolt::write::Writer;
use etcd_backup_bolt::{Limits, Meta, read::Database};

use crate::{Buckets, write};

const PAGE: usize = 4096;

/// One bucket of revisions like etcd's with values of one length.
fn one_bucket(keys: u64, value: usize) -> Buckets {
    let pairs = (0..keys)
        .map(|key| (key.to_be_bytes().repeat(2), vec![9; value]))
        .collect();
    [(b"key".to_vec(), (0, pairs))].into()
}

/// Every node of a file that has no free pages, in its order.
fn nodes(file: &[u8]) -> Vec<&[u8]> {
    let mut nodes = Vec::new();
    let mut rest = &file[2 * PAGE..];
    let mut number = 2;
    while !rest.is_empty() {
        let header = Header::parse(rest).unwrap();
        assert_eq!(header.id, number, "every page belongs to a node");
        let (node, behind) = rest.split_at(header.pages() as usize * PAGE);
        nodes.push(node);
        number += header.pages();
        rest = behind;
    }
    nodes
}

#[test]
fn every_branch_has_two_children_at_least_and_every_leaf_but_the_last_two_keys() {
    for (keys, value) in [
        (3, 3000),
        (401, 3000),
        (100_000, 10),
        (997, 900),
        (998, 900),
        (50, 20_000),
    ] {
        let file = write(&one_bucket(keys, value), PAGE as u32);
        let nodes = nodes(&file);
        let mut narrow = 0;
        for node in &nodes[..nodes.len() - 1] {
            match Header::parse(node).unwrap().flags {
                LEAF => narrow += usize::from(Leaf::parse(node).unwrap().count() < 2),
                BRANCH => assert!(Branch::parse(node).unwrap().count() >= 2),
                other => panic!("page of kind {other}"),
            }
        }
        assert!(narrow <= 1, "{narrow} leaves of one key");
    }
}

#[test]
fn pages_are_filled_to_nine_tenths() {
    let file = write(&one_bucket(50_000, 100), PAGE as u32);
    let payload = 50_000 * (16 + 16 + 100);
    let used = f64::from(payload) / file.len() as f64;
    assert!((0.85..0.91).contains(&used), "{used}");
}

#[test]
fn small_buckets_lie_inline_and_larger_ones_do_not() {
    // 16 bytes for the page, and 16 + 16 + value for its entry: a quarter of a page is 1024.
    for (value, pages) in [(976, 3), (977, 4)] {
        assert_eq!(
            write(&one_bucket(1, value), PAGE as u32).len(),
            pages * PAGE,
            "{value}"
        );
    }
}

#[test]
fn both_meta_pages_name_the_same_tree_and_the_next_transaction_writes_the_second() {
    let file = write(&one_bucket(10, 10), PAGE as u32);
    let first = Meta::parse(&file).unwrap();
    let second = Meta::parse(&file[PAGE..]).unwrap();
    assert_eq!((first.txid, second.txid), (2, 1));
    assert_eq!(first.freelist, None);
    assert_eq!(Meta { txid: 1, ..first }, second);
    assert_eq!(first.database_bytes(), file.len() as u64);
}

#[test]
fn what_is_written_before_the_end_is_no_database() {
    let mut writer = Writer::new(Vec::new(), PAGE as u32).unwrap();
    writer.bucket(b"key", 0).unwrap();
    for key in 1_u64..5000 {
        writer.put(&key.to_be_bytes(), &[7; 100]).unwrap();
    }
    let (body, head) = writer.finish().unwrap();
    let before = [vec![0; 2 * PAGE], body.clone()].concat();
    assert!(Database::open(&before, &Limits::default()).is_err());
    let after = [head.bytes(), body].concat();
    assert!(Database::open(&after, &Limits::default()).is_ok());
}
