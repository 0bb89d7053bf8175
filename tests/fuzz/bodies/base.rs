//! What all targets start from: a small sound database of etcd's shape, and changes that the fuzzer chooses.

use etcd_backup_bolt::forge::{Forge, Pair, seal_meta};

const PAGE: usize = 1024;

/// Reads the fuzzer's bytes: which shape, the size of the pieces, then changes of four bytes each (a place in three, a
/// value in one). The meta pages are sealed again, or nothing but their checksum would be tested.
pub(super) fn database(data: &[u8]) -> Option<(Vec<u8>, usize)> {
    let ([seed, low, high], changes) = data.split_first_chunk::<3>()?;
    let forge = Forge {
        page_size: PAGE,
        seed: u64::from(*seed),
        stale: usize::from(seed % 8),
        leaf_keys: 5,
        freelist: seed % 2 == 0,
    };
    let revision = |main: u64| [&main.to_be_bytes()[..], b"_", &[0; 8]].concat();
    let records: Vec<Pair> = (2..30_u8)
        .map(|main| {
            let mut value = vec![10, 2, b'k', main % 7, 32, main / 7 + 1, 42, 50];
            value.extend([main; 50]);
            (revision(u64::from(main)), value)
        })
        .collect();
    let text = |key: &str, value: &[u8]| (key.as_bytes().to_vec(), value.to_vec());
    let meta = vec![
        text("consistent_index", &[0, 0, 0, 0, 0, 0, 0, 9]),
        text("finishedCompactRev", &revision(u64::from(seed % 5))),
        text("scheduledCompactRev", &revision(u64::from(seed % 6))),
    ];
    let large = vec![text("0", &[7; 3000])];
    let mut file = forge
        .database(&[(b"key", records), (b"lease", large), (b"meta", meta)])
        .bytes;
    for [low, middle, high, value] in changes.as_chunks::<4>().0 {
        let place = usize::from(*low) | usize::from(*middle) << 8 | usize::from(*high) << 16;
        let length = file.len();
        file[place % length] = *value;
    }
    seal_meta(&mut file[..PAGE]);
    seal_meta(&mut file[PAGE..2 * PAGE]);
    Some((file, usize::from(u16::from_le_bytes([*low, *high])).max(1)))
}
