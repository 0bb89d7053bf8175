//! Sound databases of any shape: a walk sees what was written, from any key on.

use std::collections::BTreeMap;

use etcd_backup_bolt::Limits;
use etcd_backup_bolt::forge::Forge;
use etcd_backup_bolt::walk::Bolt;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::shapes::{buckets, forge, pairs};
use crate::support::{Pairs, read, rest, walk};

/// What a map holds from a key on.
fn from(map: &BTreeMap<Vec<u8>, Vec<u8>>, key: &[u8]) -> Pairs {
    map.range(key.to_vec()..)
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_full_pass_sees_what_was_written(
        buckets in buckets(),
        forge in forge(),
        tail in vec(any::<u8>(), 0..50),
    ) {
        let written = pairs(&buckets);
        let mut file = forge.database(&written).bytes;
        file.extend(tail);
        let walked = walk(&file).unwrap();
        let expected: Vec<_> = written.into_iter().map(|(name, pairs)| (name.to_vec(), pairs)).collect();
        let seen: Vec<_> = walked.iter().map(|(name, _, pairs)| (name.clone(), pairs.clone())).collect();
        prop_assert_eq!(seen, expected);
        prop_assert_eq!(Ok(walked), read(&file));
    }

    #[test]
    fn a_walk_starts_at_any_key(
        buckets in buckets(),
        forge in forge(),
        others in vec(vec(0_u8..5, 0..9), 1..20),
    ) {
        let file = forge.database(&pairs(&buckets)).bytes;
        let bolt = Bolt::open(file, Limits::default()).unwrap();
        for (name, map) in &buckets {
            let bucket = bolt.bucket(name).unwrap().unwrap();
            let last = map.last_key_value().map(|(key, value)| (key.clone(), value.clone()));
            prop_assert_eq!(bucket.last().unwrap(), last);
            // One walk that jumps about, and a fresh one each time.
            let mut walk = bucket.walk();
            for key in map.keys().rev().step_by(7).chain(&others) {
                let expected = from(map, key);
                prop_assert_eq!(&rest(&mut bucket.seek(key).unwrap()).unwrap(), &expected);
                walk.seek(key).unwrap();
                let lent = walk.next().unwrap().map(|(key, value)| (key.to_vec(), value.to_vec()));
                prop_assert_eq!(lent.as_ref(), expected.first());
                prop_assert_eq!(bucket.get(key).unwrap(), map.get(key).cloned());
            }
        }
        for name in &others {
            prop_assert_eq!(bolt.bucket(name).unwrap().is_some(), buckets.contains_key(name));
        }
    }
}

#[test]
fn an_empty_database_and_an_empty_bucket_lend_nothing() {
    let file = Forge::default().database(&[]).bytes;
    let bolt = Bolt::open(file, Limits::default()).unwrap();
    assert!(bolt.buckets().unwrap().is_empty());
    assert!(bolt.bucket(b"key").unwrap().is_none());
    for seed in 0..9 {
        let forge = Forge {
            seed,
            ..Forge::default()
        };
        let bolt = Bolt::open(forge.database(&[(b"key", Vec::new())]).bytes, Limits::default()).unwrap();
        let bucket = bolt.bucket(b"key").unwrap().unwrap();
        let mut walk = bucket.walk();
        for _ in 0..3 {
            assert_eq!(walk.next(), Ok(None));
        }
        assert_eq!(bucket.last(), Ok(None));
        assert_eq!(bucket.get(b""), Ok(None));
    }
}

#[test]
fn a_walk_can_go_back_from_its_end() {
    let pairs: Pairs = (0_u8..200).map(|key| (vec![key], vec![key; 70])).collect();
    let file = Forge::default().database(&[(b"a", pairs.clone())]).bytes;
    let bolt = Bolt::open(file, Limits::default()).unwrap();
    let mut walk = bolt.bucket(b"a").unwrap().unwrap().walk();
    assert_eq!(rest(&mut walk).unwrap(), pairs);
    walk.seek(&[150]).unwrap();
    assert_eq!(rest(&mut walk).unwrap(), pairs[150..]);
    walk.seek(&[255]).unwrap();
    assert_eq!(walk.next(), Ok(None));
}

#[test]
fn either_meta_page_may_be_damaged() {
    let pairs: Pairs = (0_u8..60).map(|key| (vec![key], vec![key; 70])).collect();
    for page_size in [1024, 4096, 16384] {
        let file = Forge {
            page_size,
            ..Forge::default()
        }
        .database(&[(b"a", pairs.clone())])
        .bytes;
        let whole = walk(&file);
        assert_eq!(whole, read(&file));
        assert!(whole.is_ok());
        for meta in [0, 1] {
            let mut damaged = file.clone();
            damaged[meta * page_size + 20] ^= 1;
            assert_eq!(walk(&damaged), whole, "meta page {meta}");
        }
        // What looks like a meta page where none can be, as an older file of smaller pages leaves it.
        if page_size > 1024 {
            let mut misleading = file.clone();
            misleading[20] ^= 1;
            misleading[1024..1024 + 200].copy_from_slice(&file[..200]);
            assert_eq!(walk(&misleading), whole);
            let mut fooled = misleading;
            fooled[page_size + 20] ^= 1;
            assert_eq!(walk(&fooled).is_ok(), read(&fooled).is_ok());
            assert!(walk(&fooled).is_err());
        }
    }
}
