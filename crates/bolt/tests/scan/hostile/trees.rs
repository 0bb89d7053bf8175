//! Trees that are none, and keys and buckets where they may not be.

use super::*;

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
