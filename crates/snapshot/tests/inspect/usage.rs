//! What fills a database, against sums made the simple way.

use std::collections::BTreeMap;

use etcd_backup_bolt::forge::Forge;
use etcd_backup_snapshot::inspect::{KubernetesPath, Sizes, UsageOptions, UserKey};
use proptest::prelude::*;

use crate::model::windows;
use crate::store::Store;

/// Sizes of each key, from what lies in the file.
fn by_key(store: &Store) -> BTreeMap<Vec<u8>, Sizes> {
    let mut keys: BTreeMap<Vec<u8>, Sizes> = BTreeMap::new();
    for (event, (id, value)) in store.left.values().zip(store.records()) {
        let sizes = keys.entry(event.key.clone()).or_default();
        let bytes = (16 + id.len() + value.len()) as u64;
        let encrypted = event
            .put
            .as_ref()
            .is_some_and(|put| put.value.starts_with(b"k8s:enc:"));
        sizes.records += 1;
        sizes.bytes += bytes;
        sizes.keys = u64::from(event.put.is_some());
        sizes.live_bytes = if event.put.is_some() { bytes } else { 0 };
        sizes.encrypted_keys = u64::from(encrypted);
    }
    keys
}

fn sum<'s>(sizes: impl IntoIterator<Item = &'s Sizes>) -> Sizes {
    let mut total = Sizes::default();
    for one in sizes {
        total.keys += one.keys;
        total.live_bytes += one.live_bytes;
        total.records += one.records;
        total.bytes += one.bytes;
        total.encrypted_keys += one.encrypted_keys;
    }
    total
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn sums_are_those_of_the_records(seed in any::<u64>(), window in windows(), top in 0_usize..9, few in 0_usize..4) {
        let store = Store::random(seed);
        let snapshot = store.snapshot(&Forge { seed, ..Forge::default() }, window);
        let keys = by_key(&store);
        let usage = snapshot.usage(&UsageOptions { top, ..UsageOptions::default() }).unwrap();
        prop_assert_eq!(&usage.total, &sum(keys.values()));

        let mut resources: BTreeMap<String, Vec<&Sizes>> = BTreeMap::new();
        let mut elsewhere = Vec::new();
        for (key, sizes) in &keys {
            match KubernetesPath::of(key) {
                Some(path) => {
                    let group = path.group.map_or(String::new(), |group| format!("{group}/"));
                    resources.entry(format!("/registry/{group}{}", path.resource)).or_default().push(sizes);
                }
                None => elsewhere.push(sizes),
            }
        }
        let seen: BTreeMap<String, Sizes> =
            usage.resources.iter().map(|group| (group.name.clone(), group.sizes.clone())).collect();
        let expected: BTreeMap<String, Sizes> =
            resources.into_iter().map(|(name, sizes)| (name, sum(sizes))).collect();
        prop_assert_eq!(seen, expected);
        prop_assert_eq!(&usage.other_resources, &sum(elsewhere));
        prop_assert!(usage.resources.is_sorted_by(|one, next| one.sizes.bytes >= next.sizes.bytes));
        prop_assert_eq!(sum(usage.prefixes.iter().map(|group| &group.sizes)), usage.total.clone());

        let mut largest: Vec<(u64, &Vec<u8>)> = keys.iter().map(|(key, sizes)| (sizes.live_bytes, key)).collect();
        largest.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(other.1)));
        let expected: Vec<_> = largest.into_iter().take(top).map(|(bytes, key)| (bytes, UserKey(key.clone()))).collect();
        let seen: Vec<_> = usage.largest.iter().map(|key| (key.live_bytes, key.key.clone())).collect();
        prop_assert_eq!(seen, expected);
        let mut changed: Vec<(u64, &Vec<u8>)> = keys.iter().map(|(key, sizes)| (sizes.records, key)).collect();
        changed.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(other.1)));
        let expected: Vec<_> = changed.into_iter().take(top).map(|(count, key)| (count, UserKey(key.clone()))).collect();
        let seen: Vec<_> = usage.most_changed.iter().map(|key| (key.records, key.key.clone())).collect();
        prop_assert_eq!(seen, expected);
        prop_assert_eq!(usage.encryption.iter().map(|use_| use_.keys).sum::<u64>(), usage.total.encrypted_keys);

        // With fewer groups than there are, the rest is in the sum of the others.
        let options = UsageOptions { groups: few, depth: 3, prefix: b"/registry/".to_vec(), ..UsageOptions::default() };
        let cut = snapshot.usage(&options).unwrap();
        let within = sum(keys.iter().filter(|(key, _)| key.starts_with(b"/registry/")).map(|(_, sizes)| sizes));
        prop_assert!(cut.resources.len() <= few && cut.prefixes.len() <= few);
        let named = cut.prefixes.iter().map(|group| &group.sizes);
        prop_assert_eq!(&sum(named.chain([&cut.other_prefixes])), &within);
        let named = cut.resources.iter().map(|group| &group.sizes);
        prop_assert_eq!(&sum(named.chain([&cut.other_resources])), &within);
        prop_assert_eq!(&cut.total, &within);
    }

    #[test]
    fn everything_is_counted(seed in any::<u64>(), stale in 0_usize..9, window in windows()) {
        let store = Store::random(seed);
        let forge = Forge { seed, stale, ..Forge::default() };
        let file = store.file(&forge);
        let free = forge.database(&[
            (b"cluster", vec![(b"clusterVersion".to_vec(), b"3.6.0".to_vec())]),
        ]);
        prop_assert!(!free.bytes.is_empty());
        let counts = store.snapshot(&forge, window).counts().unwrap();
        let deletions = store.left.values().filter(|event| event.put.is_none()).count() as u64;
        prop_assert_eq!(counts.records, store.left.len() as u64);
        prop_assert_eq!(counts.deletions, deletions);
        prop_assert_eq!(counts.keys, store.at(i64::MAX).len() as u64);
        let names: Vec<_> = counts.buckets.iter().map(|bucket| bucket.name.as_str()).collect();
        prop_assert_eq!(names, ["cluster", "key", "meta"]);
        prop_assert_eq!(counts.buckets[1].entries, counts.records);
        let used: u64 = counts.buckets.iter().map(|bucket| bucket.page_bytes).sum();
        // The rest is two meta pages and the tree of buckets, of one to three pages.
        let rest = file.len() as u64 - used - counts.free_bytes;
        prop_assert!((3 * 1024..=5 * 1024).contains(&rest), "{}", rest);
        // Each stale node is one page at least.
        prop_assert!(counts.free_bytes >= 1024 * stale as u64 && (stale > 0 || counts.free_bytes == 0));
    }
}
