//! The bulk writer: both readers see what was written, in the form that bbolt gives a database.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "helpers of tests, which fail by panicking and build small numbers"
)]

mod agree;
mod form;
#[path = "../shared/memory_reader.rs"]
mod memory_reader;
mod refusals;
#[path = "../scan/support.rs"]
mod support;

use std::collections::BTreeMap;

use etcd_backup_bolt::write::Writer;

/// Buckets by name: sequence, and values by key.
pub(crate) type Buckets = BTreeMap<Vec<u8>, (u64, BTreeMap<Vec<u8>, Vec<u8>>)>;

/// Writes a database into memory.
pub(crate) fn write(buckets: &Buckets, page_size: u32) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), page_size).unwrap();
    assert_eq!(writer.start(), 2 * u64::from(page_size));
    for (name, (sequence, pairs)) in buckets {
        writer.bucket(name, *sequence).unwrap();
        for (key, value) in pairs {
            writer.put(key, value).unwrap();
        }
    }
    let (body, head) = writer.finish().unwrap();
    let file = [head.bytes(), body].concat();
    assert_eq!(head.database_bytes(), file.len() as u64);
    file
}
