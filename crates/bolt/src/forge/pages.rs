//! Single pages, byte for byte as bbolt writes them (`node.write`, `Meta.Write`, `freelist.Write`).

use super::Pair;
use crate::meta::fnv1a;
use crate::page::{BRANCH, ELEMENT, FREELIST, HEADER, LEAF};

fn header(page: u64, flags: u16, count: usize, overflow: usize) -> Vec<u8> {
    let mut bytes = page.to_le_bytes().to_vec();
    bytes.extend(flags.to_le_bytes());
    bytes.extend((count as u16).to_le_bytes());
    bytes.extend((overflow as u32).to_le_bytes());
    bytes
}

/// Fills up to whole pages and writes the overflow into the header.
fn pad(mut bytes: Vec<u8>, page_size: usize) -> Vec<u8> {
    let pages = bytes.len().div_ceil(page_size);
    bytes[12..16].copy_from_slice(&((pages - 1) as u32).to_le_bytes());
    bytes.resize(pages * page_size, 0);
    bytes
}

fn leaf_bytes(page: u64, pairs: &[Pair], flags: u32) -> Vec<u8> {
    let mut bytes = header(page, LEAF, pairs.len(), 0);
    let mut data = HEADER + ELEMENT * pairs.len();
    for (key, value) in pairs {
        let pos = data - bytes.len();
        for field in [flags, pos as u32, key.len() as u32, value.len() as u32] {
            bytes.extend(field.to_le_bytes());
        }
        data += key.len() + value.len();
    }
    for (key, value) in pairs {
        bytes.extend(key);
        bytes.extend(value);
    }
    bytes
}

/// A leaf node of as many pages as it takes.
pub fn leaf(page: u64, pairs: &[Pair], page_size: usize) -> Vec<u8> {
    pad(leaf_bytes(page, pairs, 0), page_size)
}

/// A leaf node whose entries are buckets.
pub(super) fn buckets(page: u64, entries: &[Pair], page_size: usize) -> Vec<u8> {
    pad(leaf_bytes(page, entries, 1), page_size)
}

/// A branch node.
pub fn branch(page: u64, children: &[(Vec<u8>, u64)], page_size: usize) -> Vec<u8> {
    let mut bytes = header(page, BRANCH, children.len(), 0);
    let mut data = HEADER + ELEMENT * children.len();
    for (key, child) in children {
        let pos = data - bytes.len();
        bytes.extend((pos as u32).to_le_bytes());
        bytes.extend((key.len() as u32).to_le_bytes());
        bytes.extend(child.to_le_bytes());
        data += key.len();
    }
    for (key, _) in children {
        bytes.extend(key);
    }
    pad(bytes, page_size)
}

/// The value of a bucket's entry with its leaf inside.
pub fn inline_bucket(sequence: u64, pairs: &[Pair]) -> Vec<u8> {
    let mut bytes = page_bucket(0, sequence);
    bytes.extend(leaf_bytes(0, pairs, 0));
    bytes
}

/// The value of a bucket's entry that names its root page.
pub fn page_bucket(root: u64, sequence: u64) -> Vec<u8> {
    [root.to_le_bytes(), sequence.to_le_bytes()].concat()
}

/// A list of free pages.
pub fn freelist(page: u64, free: &[u64], page_size: usize) -> Vec<u8> {
    let mut bytes = header(page, FREELIST, free.len().min(0xFFFF), 0);
    if free.len() >= 0xFFFF {
        bytes.extend((free.len() as u64).to_le_bytes());
    }
    for id in free {
        bytes.extend(id.to_le_bytes());
    }
    pad(bytes, page_size)
}

/// A meta page.
pub fn meta(page: u64, page_size: usize, root: u64, freelist: Option<u64>, pages: u64, txid: u64) -> Vec<u8> {
    let mut bytes = header(page, 4, 0, 0);
    for field in [0xED0C_DAED, 2, page_size as u32, 0] {
        bytes.extend(field.to_le_bytes());
    }
    for field in [root, 0, freelist.unwrap_or(u64::MAX), pages, txid, 0] {
        bytes.extend(field.to_le_bytes());
    }
    bytes.resize(page_size, 0);
    seal_meta(&mut bytes);
    bytes
}

/// Puts the checksum of a meta page right after its fields were changed.
pub fn seal_meta(page: &mut [u8]) {
    let sum = fnv1a(&page[HEADER..HEADER + 56]);
    page[HEADER + 56..HEADER + 64].copy_from_slice(&sum.to_le_bytes());
}
