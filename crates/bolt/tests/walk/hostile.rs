//! Files made to hurt: each is refused for what it is, with the notes of a full pass and, where it can be, without.

use etcd_backup_bolt::forge::{Forge, branch, leaf, meta, page_bucket};
use etcd_backup_bolt::walk::Bolt;
use etcd_backup_bolt::{BoltError, Flaw, Limits};

use crate::support::{Pairs, read, rest, walk, walk_within};

const PAGE: usize = 1024;

/// A file of these pages behind its meta pages, with the root on page 2.
fn file(pages: &[Vec<u8>]) -> Vec<u8> {
    let body = pages.concat();
    let count = 2 + (body.len() / PAGE) as u64;
    let metas = [meta(0, PAGE, 2, None, count, 8), meta(1, PAGE, 2, None, count, 7)];
    [metas.concat(), body].concat()
}

/// A root leaf on page 2 with buckets whose trees start at these pages.
fn root(pages: &[u64]) -> Vec<u8> {
    let entries: Pairs = pages
        .iter()
        .zip(b'a'..)
        .map(|(page, name)| (vec![name], page_bucket(*page, 0)))
        .collect();
    let mut bytes = leaf(2, &entries, PAGE);
    for entry in 0..entries.len() {
        bytes[16 + 16 * entry] = 1;
    }
    bytes
}

fn children(pages: &[u64]) -> Vec<(Vec<u8>, u64)> {
    pages
        .iter()
        .zip(0_u8..)
        .map(|(page, key)| (vec![key * 16], *page))
        .collect()
}

fn pair(key: u8) -> (Vec<u8>, Vec<u8>) {
    (vec![key], vec![key; 4])
}

/// A walk over the first bucket that keeps no notes.
fn plain(file: &[u8]) -> Result<Pairs, BoltError> {
    let bolt = Bolt::open(file, Limits::default())?;
    let buckets = bolt.buckets()?;
    rest(&mut buckets[0].walk())
}

#[test]
fn a_tree_that_leads_back_into_itself_ends() {
    let loops = [
        (vec![root(&[3]), branch(3, &children(&[3]), PAGE)], 3),
        (
            vec![
                root(&[3]),
                branch(3, &children(&[4]), PAGE),
                branch(4, &children(&[3]), PAGE),
            ],
            3,
        ),
    ];
    for (pages, at) in loops {
        let file = file(&pages);
        assert_eq!(walk(&file), Err(BoltError::ReferencedTwice { page: at }));
        assert!(read(&file).is_err());
        assert!(matches!(plain(&file), Err(BoltError::TooDeep { limit: 64, .. })));
    }
    let wide = file(&[
        root(&[3]),
        branch(3, &children(&[4, 3]), PAGE),
        leaf(4, &[], PAGE),
    ]);
    assert_eq!(walk(&wide), Err(BoltError::ReferencedTwice { page: 3 }));
    assert_eq!(plain(&wide), Err(BoltError::KeyRange { page: 3 }));
}

#[test]
fn a_page_in_two_places_is_refused_in_a_full_pass() {
    let shared_leaf = [
        root(&[3]),
        branch(3, &children(&[4, 4]), PAGE),
        leaf(4, &[], PAGE),
    ];
    assert_eq!(
        walk(&file(&shared_leaf)),
        Err(BoltError::ReferencedTwice { page: 4 })
    );
    assert_eq!(plain(&file(&shared_leaf)), Ok(Vec::new()));

    let shared_bucket = file(&[root(&[3, 3]), leaf(3, &[pair(1)], PAGE)]);
    assert_eq!(walk(&shared_bucket), Err(BoltError::ReferencedTwice { page: 3 }));
    assert_eq!(plain(&shared_bucket), Ok(vec![pair(1)]));

    let root_as_bucket = file(&[root(&[2])]);
    assert_eq!(walk(&root_as_bucket), Err(BoltError::ReferencedTwice { page: 2 }));
    assert_eq!(plain(&root_as_bucket), Err(BoltError::NestedBucket { page: 2 }));
}

#[test]
fn a_page_inside_anothers_overflow_is_refused_in_a_full_pass() {
    let mut long = leaf(4, &[(vec![1], vec![0; 1500])], PAGE);
    long[PAGE..].copy_from_slice(&leaf(5, &[pair(16)], PAGE));
    let file = file(&[root(&[3]), branch(3, &children(&[4, 5]), PAGE), long]);
    assert_eq!(walk(&file), Err(BoltError::ReferencedTwice { page: 5 }));
}

#[test]
fn pages_that_do_not_exist_or_are_no_nodes_are_refused() {
    for page in [0, 1, 99, u64::from(u32::MAX) + 4, u64::MAX] {
        let file = file(&[root(&[3]), branch(3, &children(&[page]), PAGE)]);
        let expected = BoltError::OutOfBounds { page, pages: 4 };
        assert_eq!(walk(&file), Err(expected.clone()));
        assert_eq!(plain(&file), Err(expected));
    }
    for wrong in [
        vec![0; PAGE],
        leaf(9, &[pair(1)], PAGE),
        meta(3, PAGE, 2, None, 4, 1),
    ] {
        assert_eq!(
            plain(&file(&[root(&[3]), wrong])),
            Err(BoltError::NotANode { page: 3 })
        );
    }
}

#[test]
fn an_overflow_is_believed_only_as_far_as_there_are_pages() {
    for (overflow, flaw) in [(1, Flaw::PastTheEnd), (u32::MAX, Flaw::PastTheEnd)] {
        let mut page = leaf(3, &[pair(1)], PAGE);
        page[12..16].copy_from_slice(&overflow.to_le_bytes());
        assert_eq!(
            plain(&file(&[root(&[3]), page])),
            Err(BoltError::Page { page: 3, flaw })
        );
    }
}

#[test]
fn a_node_longer_than_the_limit_is_refused() {
    let long = file(&[root(&[3]), leaf(3, &[(vec![1], vec![0; 5000])], PAGE)]);
    assert!(walk(&long).is_ok());
    let limits = Limits {
        node_bytes: 5 * PAGE as u64 - 1,
        ..Limits::default()
    };
    let flaw = Flaw::TooLarge;
    assert_eq!(walk_within(&long, limits), Err(BoltError::Page { page: 3, flaw }));
}

#[test]
fn branches_on_one_path_may_not_be_longer_than_one_node() {
    let pages: Vec<Vec<u8>> = std::iter::once(root(&[3]))
        .chain((3..13).map(|page| branch(page, &children(&[page + 1]), PAGE)))
        .chain([leaf(13, &[pair(1)], PAGE)])
        .collect();
    let file = file(&pages);
    assert_eq!(walk(&file), read(&file));
    let limits = Limits {
        node_bytes: 9 * PAGE as u64,
        ..Limits::default()
    };
    let flaw = Flaw::TooLarge;
    assert_eq!(
        walk_within(&file, limits),
        Err(BoltError::Page { page: 12, flaw })
    );
}

#[test]
fn a_tree_is_as_deep_as_the_limit_and_no_deeper() {
    let tree = |branches: u64| {
        let pages: Vec<Vec<u8>> = std::iter::once(root(&[3]))
            .chain((3..3 + branches).map(|page| branch(page, &children(&[page + 1]), PAGE)))
            .chain([leaf(3 + branches, &[pair(1)], PAGE)])
            .collect();
        file(&pages)
    };
    assert_eq!(walk(&tree(64)).unwrap()[0].2, [pair(1)]);
    assert!(read(&tree(64)).is_ok());
    let too_deep = BoltError::TooDeep { page: 67, limit: 64 };
    assert_eq!(walk(&tree(65)), Err(too_deep));
    assert!(read(&tree(65)).is_err());
}

#[test]
fn the_last_key_is_found_before_empty_leaves() {
    let file = file(&[
        root(&[3]),
        branch(3, &children(&[4, 5, 6]), PAGE),
        leaf(4, &[pair(1)], PAGE),
        leaf(5, &[], PAGE),
        branch(6, &[(vec![32], 7), (vec![33], 8)], PAGE),
        leaf(7, &[], PAGE),
        leaf(8, &[], PAGE),
    ]);
    let bolt = Bolt::open(file.as_slice(), Limits::default()).unwrap();
    assert_eq!(bolt.buckets().unwrap()[0].last(), Ok(Some(pair(1))));
    assert_eq!(walk(&file), read(&file));
}

#[test]
fn keys_outside_their_parents_range_are_refused() {
    for (left, right, page) in [(1, 15, 5), (1, 33, 0), (16, 17, 4)] {
        let file = file(&[
            root(&[3]),
            branch(3, &children(&[4, 5]), PAGE),
            leaf(4, &[pair(left)], PAGE),
            leaf(5, &[pair(right)], PAGE),
        ]);
        match page {
            0 => assert_eq!(walk(&file), read(&file)),
            page => assert_eq!(plain(&file), Err(BoltError::KeyRange { page })),
        }
    }
    // The limit of a branch comes from above its parent, too.
    let deep = file(&[
        root(&[3]),
        branch(3, &children(&[4, 6]), PAGE),
        branch(4, &children(&[5]), PAGE),
        leaf(5, &[pair(16)], PAGE),
        leaf(6, &[pair(17)], PAGE),
    ]);
    assert_eq!(plain(&deep), Err(BoltError::KeyRange { page: 5 }));
}

#[test]
fn more_buckets_than_memory_allows_are_refused() {
    let names: Vec<Vec<u8>> = (0_u8..100).map(|name| vec![name; 40]).collect();
    let buckets: Vec<(&[u8], Pairs)> = names
        .iter()
        .map(|name| (name.as_slice(), vec![pair(1)]))
        .collect();
    let file = Forge::default().database(&buckets).bytes;
    let within = |memory| {
        let limits = Limits {
            memory,
            ..Limits::default()
        };
        let bolt = Bolt::open(file.as_slice(), limits).unwrap();
        bolt.buckets().map(|buckets| buckets.len())
    };
    assert_eq!(within(100_000), Ok(100));
    assert_eq!(within(4000), Err(BoltError::Memory { limit: 4000 }));
}

#[test]
fn after_an_error_a_walk_stays_ended() {
    let file = file(&[
        root(&[3]),
        branch(3, &children(&[4, 99]), PAGE),
        leaf(4, &[pair(1)], PAGE),
    ]);
    let bolt = Bolt::open(file, Limits::default()).unwrap();
    let mut walk = bolt.buckets().unwrap()[0].walk();
    assert_eq!(walk.next().unwrap(), Some((&[1][..], &[1; 4][..])));
    assert_eq!(walk.next(), Err(BoltError::OutOfBounds { page: 99, pages: 5 }));
    assert_eq!(walk.next(), Err(BoltError::Ended));
    assert_eq!(walk.seek(&[0]), Err(BoltError::Ended));
}
