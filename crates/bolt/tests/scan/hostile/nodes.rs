//! Pages that say of themselves what cannot be.

use super::*;

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
