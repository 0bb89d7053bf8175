//! Damaged databases: an error or the truth, the same as the reader in memory says, and never a panic.

use etcd_backup_bolt::forge::{Forge, Random};
use etcd_backup_bolt::walk::Bolt;
use etcd_backup_bolt::{BoltError, Limits};
use proptest::prelude::*;

use crate::any_byte::reads_as_in_memory;
use crate::shapes::{buckets, damage, forge, pairs, small};
use crate::support::{Pairs, read, rest, walk};

/// Everything a walk offers beside the full pass; only that it ends without a panic matters.
fn poke(file: &[u8], keys: &[&[u8]]) -> Result<(), BoltError> {
    let bolt = Bolt::open(file, Limits::default())?;
    for bucket in bolt.buckets()? {
        let _ = rest(&mut bucket.walk());
        let _ = bucket.last();
        for key in keys {
            let _ = bucket.seek(key).and_then(|mut walk| rest(&mut walk));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn both_readers_agree_on_damaged_databases(
        buckets in buckets(),
        forge in forge(),
        seed in any::<u64>(),
    ) {
        let file = forge.database(&pairs(&buckets)).bytes;
        let mut random = Random::new(seed);
        for _ in 0..20 {
            let mut damaged = file.clone();
            damage(&mut damaged, forge.page_size, &mut random);
            let (walked, expected) = (walk(&damaged), read(&damaged));
            prop_assert_eq!(walked.is_ok(), expected.is_ok(), "walk {:?}, read {:?}", walked, expected);
            if let (Ok(walked), Ok(expected)) = (walked, expected) {
                prop_assert_eq!(walked, expected);
            }
            let _ = poke(&damaged, &[b"", b"\x01\x02", b"\xff"]);
        }
    }
}

#[test]
fn every_byte_of_a_small_database_may_be_anything() {
    reads_as_in_memory(&small().bytes, walk);
}

#[test]
fn a_database_cut_short_anywhere_is_refused() {
    let pairs: Pairs = (0_u8..40).map(|key| (vec![key], vec![key; 50])).collect();
    let file = Forge::default().database(&[(b"a", pairs)]).bytes;
    for length in 0..file.len() {
        match walk(&file[..length]).unwrap_err() {
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
