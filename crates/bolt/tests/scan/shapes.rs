//! Databases of any shape.

use std::collections::BTreeMap;

use etcd_backup_bolt::forge::{Forge, Forged, Pair, Random, seal_meta};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

/// Buckets with few or many keys, now and then a value of several pages.
pub(crate) fn buckets() -> impl Strategy<Value = BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, Vec<u8>>>> {
    let value = prop_oneof![
        8 => vec(any::<u8>(), 0..80),
        1 => (900_usize..6000, any::<u8>()).prop_map(|(length, byte)| vec![byte; length]),
    ];
    let pairs = prop_oneof![
        btree_map(vec(any::<u8>(), 1..20), value.clone(), 0..6),
        btree_map(vec(0_u8..4, 1..9), value, 0..120),
    ];
    btree_map(vec(any::<u8>(), 1..12), pairs, 0..7)
}

pub(crate) fn forge() -> impl Strategy<Value = Forge> {
    let page_size = prop_oneof![Just(1024_usize), Just(4096)];
    (page_size, any::<u64>(), 0_usize..25, 1_usize..12, any::<bool>()).prop_map(
        |(page_size, seed, stale, leaf_keys, freelist)| Forge {
            page_size,
            seed,
            stale,
            leaf_keys,
            freelist,
        },
    )
}

/// Maps to the form that the forge takes.
pub(crate) fn pairs(buckets: &BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, Vec<u8>>>) -> Vec<(&[u8], Vec<Pair>)> {
    let bucket = |pairs: &BTreeMap<Vec<u8>, Vec<u8>>| pairs.clone().into_iter().collect();
    buckets
        .iter()
        .map(|(name, pairs)| (name.as_slice(), bucket(pairs)))
        .collect()
}

/// Changes that keep both readers honest: bytes anywhere, with the meta pages sealed again half of the time.
pub(crate) fn damage(file: &mut [u8], page_size: usize, random: &mut Random) {
    for _ in 0..=random.below(3) {
        let at = match random.below(3) {
            0 => random.below(file.len()),
            // Headers and directories are where the structure is.
            1 => random.below(file.len() / page_size) * page_size + random.below(64),
            _ => random.below(2) * page_size + random.below(80),
        };
        file[at] = match random.below(3) {
            0 => file[at] ^ (1 << random.below(8)),
            1 => random.number().to_le_bytes()[0],
            _ => [0, 0xff, 2, 1][random.below(4)],
        };
    }
    if random.below(2) == 0 {
        seal_meta(&mut file[..page_size]);
        seal_meta(&mut file[page_size..2 * page_size]);
    }
}

/// A database of few pages that has a bit of everything.
pub(crate) fn small() -> Forged {
    let many: Vec<Pair> = (0_u8..40).map(|key| (vec![1, key], vec![key; 50])).collect();
    let few: Vec<Pair> = vec![(b"x".to_vec(), b"y".to_vec())];
    let large: Vec<Pair> = vec![(b"k".to_vec(), vec![9; 3000]), (b"l".to_vec(), vec![8; 10])];
    Forge {
        stale: 6,
        freelist: true,
        ..Forge::default()
    }
    .database(&[(b"a", many), (b"b", few), (b"c", large)])
}
