//! Lists of free pages that are wrong, or long.

use super::*;

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
