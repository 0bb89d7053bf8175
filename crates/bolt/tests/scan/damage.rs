//! Damaged databases: an error or the truth, the same from both readers, and never a panic.

use etcd_backup_bolt::forge::Random;
use etcd_backup_bolt::{BoltError, Limits};
use proptest::prelude::*;

use crate::any_byte::reads_as_in_memory;
use crate::shapes::{buckets, damage, forge, pairs, small};
use crate::support::{read, scan, scan_whole};

#[test]
fn a_database_cut_short_anywhere_is_refused() {
    let file = small().bytes;
    for length in 0..file.len() {
        let error = scan_whole(&file[..length]).unwrap_err();
        match error {
            BoltError::Truncated {
                missing,
                got,
                expected,
            } => {
                assert_eq!((got, expected), (length as u64, file.len() as u64));
                assert_eq!(missing, expected - got);
            }
            BoltError::TruncatedMeta { got } => assert_eq!(got, length as u64),
            other => panic!("cut at {length}: {other}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn both_readers_agree_on_damaged_databases(
        buckets in buckets(),
        forge in forge(),
        seed in any::<u64>(),
        piece in 1_usize..5000,
    ) {
        let file = forge.database(&pairs(&buckets)).bytes;
        let mut random = Random::new(seed);
        for _ in 0..20 {
            let mut damaged = file.clone();
            damage(&mut damaged, forge.page_size, &mut random);
            let (scanned, expected) = (scan(&damaged, &[piece], Limits::default()), read(&damaged));
            prop_assert_eq!(scanned.is_ok(), expected.is_ok(), "scan {:?}, read {:?}", scanned, expected);
            if let (Ok(scanned), Ok(expected)) = (scanned, expected) {
                prop_assert_eq!(scanned, expected);
            }
        }
    }
}

#[test]
fn every_byte_of_a_small_database_may_be_anything() {
    let file = small().bytes;
    reads_as_in_memory(&file, scan_whole);
}
