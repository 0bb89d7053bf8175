//! Files made to hurt: each is refused for what it is, in time and memory that its length bounds.

use std::time::{Duration, Instant};

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

#[test]
fn a_tree_that_leads_back_into_itself_is_refused() {
    for (pages, at) in [
        (vec![root_to(2)], 2),
        (vec![root(), branch(3, &children(&[3]), PAGE)], 3),
        (
            vec![
                root(),
                branch(3, &children(&[4]), PAGE),
                branch(4, &children(&[3]), PAGE),
            ],
            3,
        ),
        (
            vec![root(), branch(3, &children(&[4, 4]), PAGE), leaf(4, &[], PAGE)],
            4,
        ),
    ] {
        assert_eq!(refused(&file(&pages)), BoltError::ReferencedTwice { page: at });
    }
}

#[test]
fn a_page_inside_anothers_overflow_is_refused() {
    let long = leaf(4, &[(vec![1], vec![0; 1500])], PAGE);
    let inner = leaf(5, &[pair(16)], PAGE);
    let mut overlapped = long.clone();
    overlapped[PAGE..].copy_from_slice(&inner);
    let pages = [root(), branch(3, &children(&[4, 5]), PAGE), overlapped];
    assert_eq!(refused(&file(&pages)), BoltError::ReferencedTwice { page: 5 });
}

#[test]
fn pages_that_do_not_exist_are_refused() {
    for page in [0, 1, 99, u64::from(u32::MAX) + 4, u64::MAX] {
        let error = refused(&file(&[root(), branch(3, &children(&[page]), PAGE)]));
        assert!(
            matches!(error, BoltError::OutOfBounds { page: at, .. } if at == page),
            "{error}"
        );
    }
}

#[test]
fn a_page_of_another_kind_or_number_is_refused() {
    for wrong in [
        vec![0; PAGE],
        leaf(9, &[pair(1)], PAGE),
        freelist(3, &[], PAGE),
        meta(3, PAGE, 2, None, 4, 1),
        {
            let mut both = leaf(3, &[pair(1)], PAGE);
            both[8] = 3;
            both
        },
    ] {
        assert_eq!(refused(&file(&[root(), wrong])), BoltError::NotANode { page: 3 });
    }
}

#[test]
fn counts_and_positions_beyond_the_page_are_refused() {
    let sound = leaf(3, &[pair(1), pair(2)], PAGE);
    let change = |at: usize, bytes: &[u8]| {
        let mut page = sound.clone();
        page[at..at + bytes.len()].copy_from_slice(bytes);
        match refused(&file(&[root(), page])) {
            BoltError::Page { page: 3, flaw } => flaw,
            other => panic!("{other}"),
        }
    };
    assert_eq!(change(10, &[0xff, 0xff]), Flaw::DoesNotFit);
    assert_eq!(change(10, &[63, 0]), Flaw::NotPacked);
    // The first entry's position, key size and value size, then the second's position.
    assert_eq!(change(20, &[0xff; 4]), Flaw::DoesNotFit);
    assert_eq!(change(20, &[0; 4]), Flaw::NotPacked);
    assert_eq!(change(24, &[0xff; 4]), Flaw::KeyTooLong);
    assert_eq!(change(24, &[0xff, 0x7f, 0, 0]), Flaw::DoesNotFit);
    assert_eq!(change(28, &[0xff; 4]), Flaw::DoesNotFit);
    assert_eq!(change(36, &[32, 0, 0, 0]), Flaw::NotPacked);
    assert_eq!(change(12, &[0xff; 4]), Flaw::PastTheEnd);
    assert_eq!(change(16, &[1]), Flaw::Mixed);
}

#[test]
fn branches_are_checked_like_leaves() {
    let sound = branch(3, &children(&[4, 5]), PAGE);
    let change = |at: usize, bytes: &[u8]| {
        let mut page = sound.clone();
        page[at..at + bytes.len()].copy_from_slice(bytes);
        match refused(&file(&[
            root(),
            page,
            leaf(4, &[pair(1)], PAGE),
            leaf(5, &[pair(16)], PAGE),
        ])) {
            BoltError::Page { page: 3, flaw } => flaw,
            other => panic!("{other}"),
        }
    };
    assert_eq!(change(10, &[0, 0]), Flaw::EmptyBranch);
    assert_eq!(change(10, &[0xff, 0xff]), Flaw::DoesNotFit);
    assert_eq!(change(16, &[0xff; 4]), Flaw::DoesNotFit);
    assert_eq!(change(20, &[0xff; 4]), Flaw::KeyTooLong);
    assert_eq!(change(48, &[16, 0]), Flaw::KeyOrder);
}

#[test]
fn entries_that_share_bytes_are_refused_quickly() {
    // 65535 entries that all claim the same megabyte would make one page cost as much as 64 GiB.
    let pages = 1100;
    let mut node = vec![0; pages * PAGE];
    node[..16].copy_from_slice(&leaf(3, &[], PAGE)[..16]);
    node[10..12].copy_from_slice(&[0xff, 0xff]);
    node[12..16].copy_from_slice(&(pages as u32 - 1).to_le_bytes());
    for (number, entry) in node[16..16 + 16 * 0xffff].chunks_mut(16).enumerate() {
        let pos = (16 * 0xffff - 16 * number) as u32;
        entry[4..8].copy_from_slice(&pos.to_le_bytes());
        entry[12..16].copy_from_slice(&70_000_u32.to_le_bytes());
    }
    let started = Instant::now();
    let error = refused(&file(&[root(), node]));
    assert!(
        matches!(
            error,
            BoltError::Page {
                page: 3,
                flaw: Flaw::NotPacked | Flaw::KeyOrder
            }
        ),
        "{error}"
    );
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn keys_out_of_order_or_out_of_their_parents_range_are_refused() {
    let error = refused(&file(&[root(), leaf(3, &[pair(2), pair(1)], PAGE)]));
    assert_eq!(
        error,
        BoltError::Page {
            page: 3,
            flaw: Flaw::KeyOrder
        }
    );
    let error = refused(&file(&[root(), leaf(3, &[pair(1), pair(1)], PAGE)]));
    assert_eq!(
        error,
        BoltError::Page {
            page: 3,
            flaw: Flaw::KeyOrder
        }
    );
    for (first, second, at) in [(pair(1), pair(15), 5), (pair(16), pair(17), 4)] {
        let pages = [
            root(),
            branch(3, &children(&[4, 5]), PAGE),
            leaf(4, &[first], PAGE),
            leaf(5, &[second], PAGE),
        ];
        assert_eq!(refused(&file(&pages)), BoltError::KeyRange { page: at });
    }
    // Below a second branch, the first one's range still holds.
    let inner = branch(4, &[(vec![0], 6), (vec![40], 7)], PAGE);
    let pages = [
        root(),
        branch(3, &children(&[4, 5]), PAGE),
        inner,
        leaf(5, &[pair(16)], PAGE),
        leaf(6, &[pair(1)], PAGE),
        leaf(7, &[pair(41)], PAGE),
    ];
    assert_eq!(refused(&file(&pages)), BoltError::KeyRange { page: 4 });
}

#[test]
fn buckets_where_none_may_be_are_refused() {
    let mut nested = root_to(4);
    nested[0] = 3;
    assert_eq!(
        refused(&file(&[root(), nested, leaf(4, &[], PAGE)])),
        BoltError::NestedBucket { page: 3 }
    );
    assert_eq!(
        refused(&file(&[leaf(2, &[pair(1)], PAGE)])),
        BoltError::KeyOutsideBucket { page: 2 }
    );
    let mut short = leaf(2, &[pair(1)], PAGE);
    short[16] = 1;
    assert_eq!(
        refused(&file(&[short])),
        BoltError::Page {
            page: 2,
            flaw: Flaw::Bucket
        }
    );
}

#[test]
fn trees_deeper_than_the_limit_are_refused() {
    let chain = |depth: u64| {
        let mut pages = vec![root()];
        pages.extend((3..3 + depth).map(|page| branch(page, &children(&[page + 1]), PAGE)));
        pages.push(leaf(3 + depth, &[pair(1)], PAGE));
        file(&pages)
    };
    accepted(&chain(64));
    assert_eq!(refused(&chain(65)), BoltError::TooDeep { page: 67, limit: 64 });
    assert!(matches!(
        scan_whole(&chain(20_000)),
        Err(BoltError::TooDeep { .. })
    ));
}

#[test]
fn absurd_meta_pages_are_refused_before_anything_is_reserved() {
    let sound = file(&[root(), leaf(3, &[pair(1)], PAGE)]);
    let change = |at: usize, bytes: &[u8]| {
        let mut changed = sound.clone();
        for page in [0, PAGE] {
            changed[page + 16 + at..page + 16 + at + bytes.len()].copy_from_slice(bytes);
            seal_meta(&mut changed[page..page + PAGE]);
        }
        refused(&changed)
    };
    for size in [0_u32, 1, 512, 1000, 3000, 1 << 17, 1 << 31, u32::MAX] {
        assert_eq!(
            change(8, &size.to_le_bytes()),
            BoltError::PageSize { size, limit: 65536 }
        );
    }
    assert_eq!(change(0, &[1]), BoltError::Meta(MetaFlaw::Magic));
    assert_eq!(
        change(0, &0xED0C_DAED_u32.to_be_bytes()),
        BoltError::Meta(MetaFlaw::BigEndian)
    );
    assert_eq!(change(4, &[3]), BoltError::Meta(MetaFlaw::Version(3)));
    for pages in [u64::MAX, 1 << 50, 1 << 32] {
        assert_eq!(
            change(40, &pages.to_le_bytes()),
            BoltError::TooManyPages { pages }
        );
    }
    let huge = change(40, &0xffff_ffff_u64.to_le_bytes());
    assert!(
        matches!(
            huge,
            BoltError::Truncated {
                expected: 0x3ff_ffff_fc00,
                ..
            }
        ),
        "{huge}"
    );
    for root in [0, 1, 4, u64::MAX] {
        let error = change(16, &root.to_le_bytes());
        assert_eq!(
            error,
            BoltError::MetaOutOfBounds {
                what: "root page",
                value: root,
                pages: 4
            }
        );
    }
    let error = change(32, &77_u64.to_le_bytes());
    assert_eq!(
        error,
        BoltError::MetaOutOfBounds {
            what: "freelist page",
            value: 77,
            pages: 4
        }
    );
}

#[test]
fn two_bad_checksums_are_one_too_many() {
    let mut bad = file(&[root(), leaf(3, &[pair(1)], PAGE)]);
    bad[20] ^= 1;
    bad[PAGE + 20] ^= 1;
    assert!(matches!(
        scan_whole(&bad),
        Err(BoltError::Meta(_) | BoltError::TruncatedMeta { .. })
    ));
    bad.resize(200_000, 0);
    assert_eq!(refused(&bad), BoltError::Meta(MetaFlaw::Version(3)));
}

#[test]
fn a_list_of_free_pages_has_to_be_exact() {
    let with_list = |listed: &[u64]| {
        let pages = [
            root(),
            leaf(3, &[pair(1)], PAGE),
            vec![0; PAGE],
            freelist(5, listed, PAGE),
        ];
        let mut bytes = file(&pages);
        bytes[..PAGE].copy_from_slice(&meta(0, PAGE, 2, Some(5), 6, 9));
        bytes
    };
    accepted(&with_list(&[4]));
    assert_eq!(
        refused(&with_list(&[])),
        BoltError::UnreachableUnfreed { page: 4 }
    );
    assert_eq!(refused(&with_list(&[4, 4])), BoltError::FreedTwice { page: 4 });
    assert_eq!(
        refused(&with_list(&[3, 4])),
        BoltError::ReachableFreed { page: 3 }
    );
    for listed in [1, 6, u64::MAX] {
        assert!(matches!(
            refused(&with_list(&[4, listed])),
            BoltError::Freelist { page: 5, .. }
        ));
    }
    let mut lying = with_list(&[4]);
    lying[5 * PAGE + 10..5 * PAGE + 12].copy_from_slice(&[0xff, 0xff]);
    assert!(matches!(refused(&lying), BoltError::Freelist { page: 5, .. }));
    let mut endless = with_list(&[4]);
    endless[5 * PAGE + 12..5 * PAGE + 16].copy_from_slice(&[0xff; 4]);
    assert!(matches!(refused(&endless), BoltError::Freelist { page: 5, .. }));
}

#[test]
fn a_long_list_of_free_pages_is_read_over_many_pages() {
    let pairs: Vec<Pair> = (0_u8..9).map(pair).collect();
    let forged = Forge {
        stale: 66_000,
        freelist: true,
        ..Forge::default()
    }
    .database(&[(b"a", pairs)]);
    assert!(forged.free.len() > 0xffff);
    assert!(scan(&forged.bytes, &[32 << 10], Limits::default()).is_ok());
}

#[test]
fn stale_headers_that_claim_everything_cost_little() {
    // Every page is a stale leaf that claims all those behind it: without a bound, a square of the file's size.
    let count = 4000_u64;
    let mut pages = vec![root(), leaf(3, &[pair(1)], PAGE)];
    for page in 4..count {
        let mut stale = leaf(page, &[pair(1)], PAGE);
        stale[12..16].copy_from_slice(&((count - page - 1) as u32).to_le_bytes());
        pages.push(stale);
    }
    let started = Instant::now();
    let contents = scan(&file(&pages), &[32 << 10], Limits::default()).unwrap();
    assert_eq!(contents[0].2, [pair(1)]);
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn nodes_beyond_the_limits_are_refused_only_if_reachable() {
    let long = leaf(3, &[(vec![1], vec![0; 9000])], PAGE);
    let limits = Limits {
        node_bytes: 4096,
        ..Limits::default()
    };
    let error = scan(&file(&[root(), long.clone()]), &[1000], limits).unwrap_err();
    assert_eq!(
        error,
        BoltError::Page {
            page: 3,
            flaw: Flaw::TooLarge
        }
    );
    let mut stale = long;
    stale[0] = 4;
    let pages = [root(), leaf(3, &[pair(1)], PAGE), stale];
    assert!(scan(&file(&pages), &[1000], limits).is_ok());
}

#[test]
fn memory_is_bounded() {
    let limits = Limits {
        memory: 1 << 20,
        memory_per_page: 0,
        ..Limits::default()
    };
    let pages: Vec<Vec<u8>> = (4..4000_u64)
        .map(|page| leaf(page, &[(vec![7; 700], vec![])], PAGE))
        .collect();
    let all = [vec![root(), leaf(3, &[], PAGE)], pages].concat();
    assert_eq!(
        scan(&file(&all), &[5000], limits),
        Err(BoltError::Memory { limit: 1 << 20 })
    );
    assert!(scan(&file(&all), &[5000], Limits::default()).is_ok());
}

#[test]
fn a_scanner_that_failed_stays_failed() {
    let mut scanner =
        etcd_backup_bolt::Scanner::new(crate::support::Everything::default(), Limits::default());
    assert!(scanner.push(&vec![1; 200_000]).is_err());
    assert_eq!(scanner.push(&[1]), Err(BoltError::Ended));
    assert_eq!(scanner.finish().map(|_| ()), Err(BoltError::Ended));
}
