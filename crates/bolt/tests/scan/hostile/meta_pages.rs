//! Meta pages that nobody should believe.

use super::*;

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
