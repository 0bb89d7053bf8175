//! What is written is what is read.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use crate::support::{read, scan_whole};
use crate::{Buckets, write};

/// Keys of a few bytes and of thousands, values of none to several pages, buckets of none to hundreds of keys.
fn buckets() -> impl Strategy<Value = Buckets> {
    let value = prop_oneof![
        8 => vec(any::<u8>(), 0..80),
        1 => (900_usize..9000, any::<u8>()).prop_map(|(length, byte)| vec![byte; length]),
    ];
    let long_key = (vec(any::<u8>(), 1..3), 500_usize..3000).prop_map(|(mut key, length)| {
        key.resize(length, 7);
        key
    });
    let pairs = prop_oneof![
        btree_map(vec(any::<u8>(), 1..20), value.clone(), 0..6),
        btree_map(vec(0_u8..4, 1..9), value.clone(), 0..300),
        btree_map(long_key, value, 0..40),
    ];
    btree_map(vec(any::<u8>(), 1..60), (any::<u64>(), pairs), 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn both_readers_see_what_was_written(
        buckets in buckets(),
        page_size in prop_oneof![Just(1024_u32), Just(4096), Just(65_536)],
    ) {
        let file = write(&buckets, page_size);
        let expected: Vec<_> = buckets
            .into_iter()
            .map(|(name, (sequence, pairs))| (name, sequence, pairs.into_iter().collect()))
            .collect();
        prop_assert_eq!(scan_whole(&file), Ok(expected.clone()));
        prop_assert_eq!(read(&file), Ok(expected));
    }
}

#[test]
fn a_database_without_buckets_and_buckets_without_keys_are_read() {
    assert_eq!(read(&write(&Buckets::new(), 4096)), Ok(Vec::new()));
    let empty: Buckets = [(b"a".to_vec(), (7, [].into()))].into();
    assert_eq!(
        read(&write(&empty, 4096)),
        Ok(vec![(b"a".to_vec(), 7, Vec::new())])
    );
}
