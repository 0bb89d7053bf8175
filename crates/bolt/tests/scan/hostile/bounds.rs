//! What costs more than the length of the file explains, and what its reader allows.

use std::time::{Duration, Instant};

use super::*;

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
