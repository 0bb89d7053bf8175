//! Sound databases of any shape: both readers see what was written.

use etcd_backup_bolt::Limits;
use etcd_backup_bolt::forge::{Forge, Pair};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::shapes::{buckets, forge, pairs};
use crate::support::{Everything, read, scan, scan_whole};

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn both_readers_see_what_was_written(
        buckets in buckets(),
        forge in forge(),
        pieces in vec(1_usize..9000, 1..5),
        tail in vec(any::<u8>(), 0..50),
    ) {
        let written = pairs(&buckets);
        let mut file = forge.database(&written).bytes;
        file.extend(tail);
        let scanned = scan(&file, &pieces, Limits::default()).unwrap();
        let expected: Vec<_> = written.into_iter().map(|(name, pairs)| (name.to_vec(), pairs)).collect();
        let seen: Vec<_> = scanned.iter().map(|(name, _, pairs)| (name.clone(), pairs.clone())).collect();
        prop_assert_eq!(seen, expected);
        prop_assert_eq!(Ok(scanned), read(&file));
    }
}

#[test]
fn every_way_to_cut_a_small_database_gives_the_same() {
    let pairs: Vec<Pair> = (0_u8..60).map(|key| (vec![key], vec![key; 70])).collect();
    let big = vec![(b"k".to_vec(), vec![9; 3000])];
    let file = Forge {
        stale: 9,
        ..Forge::default()
    }
    .database(&[(b"a", pairs), (b"b", big)])
    .bytes;
    let expected = read(&file);
    assert!(expected.is_ok());
    for length in (1..300).chain([1000, 1024, 1025, 2048, 4000, file.len()]) {
        assert_eq!(
            scan(&file, &[length], Limits::default()),
            expected,
            "pieces of {length}"
        );
    }
}

#[test]
fn an_empty_database_has_no_buckets() {
    let file = Forge::default().database(&[]).bytes;
    assert_eq!(scan_whole(&file), Ok(Vec::new()));
    assert_eq!(read(&file), Ok(Vec::new()));
}

#[test]
fn the_visitor_hears_of_inline_buckets_before_the_end() {
    let file = (0..100)
        .map(|seed| {
            Forge {
                seed,
                ..Forge::default()
            }
            .database(&[(b"meta", vec![(b"k".to_vec(), b"v".to_vec())])])
        })
        .map(|forged| forged.bytes)
        .find(|file| file.len() == 3 * 1024)
        .unwrap();
    let mut scanner = etcd_backup_bolt::Scanner::new(Everything::default(), Limits::default());
    scanner.push(&file).unwrap();
    assert_eq!(scanner.visitor().settled, [b"meta".to_vec()]);
}

#[test]
fn bytes_behind_the_database_are_left_alone() {
    let mut file = Forge::default().database(&[]).bytes;
    let length = file.len();
    file.extend([7; 40]);
    let mut scanner = etcd_backup_bolt::Scanner::new(Everything::default(), Limits::default());
    assert_eq!(scanner.push(&file), Ok(length));
    assert_eq!(scanner.push(&file), Ok(0));
    assert!(scanner.finish().is_ok());
}

#[test]
fn either_meta_page_may_be_damaged() {
    let pairs: Vec<Pair> = (0_u8..60).map(|key| (vec![key], vec![key; 70])).collect();
    for page_size in [1024, 4096, 16384] {
        let file = Forge {
            page_size,
            ..Forge::default()
        }
        .database(&[(b"a", pairs.clone())])
        .bytes;
        let whole = read(&file);
        for meta in [0, 1] {
            let mut damaged = file.clone();
            damaged[meta * page_size + 20] ^= 1;
            assert_eq!(
                scan(&damaged, &[700], Limits::default()),
                whole,
                "meta page {meta}"
            );
            assert_eq!(read(&damaged), whole);
        }
    }
}
