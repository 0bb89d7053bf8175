//! What bbolt would not take is refused.

use std::io::{Error, Write};

use etcd_backup_bolt::write::{WriteError, Writer};

fn writer() -> Writer<Vec<u8>> {
    Writer::new(Vec::new(), 4096).unwrap()
}

#[test]
fn keys_and_buckets_have_to_come_in_order_each_once() {
    let mut writer = writer();
    assert!(matches!(writer.put(b"a", b""), Err(WriteError::NoBucket)));
    writer.bucket(b"b", 0).unwrap();
    writer.put(b"b", b"").unwrap();
    for key in [b"a", b"b"] {
        assert!(matches!(writer.put(key, b""), Err(WriteError::KeyOrder)));
    }
    for name in [b"a", b"b"] {
        assert!(matches!(writer.bucket(name, 0), Err(WriteError::BucketOrder)));
    }
}

#[test]
fn keys_have_bbolts_lengths() {
    let mut writer = writer();
    assert!(matches!(
        writer.bucket(b"", 0),
        Err(WriteError::KeyLength { length: 0 })
    ));
    writer.bucket(b"b", 0).unwrap();
    for (length, allowed) in [(0, false), (1, true), (32768, true), (32769, false)] {
        assert_eq!(
            writer.put(&vec![7; length], b"").is_ok(),
            allowed,
            "a key of {length} bytes"
        );
    }
}

#[test]
fn page_sizes_are_bbolts() {
    for (size, allowed) in [
        (0, false),
        (512, false),
        (1024, true),
        (5000, false),
        (65_536, true),
        (131_072, false),
    ] {
        assert_eq!(Writer::new(Vec::new(), size).is_ok(), allowed, "{size}");
    }
}

/// A disk that is full after so many bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(Error::other("full"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_sink_that_fails_is_told() {
    let mut writer = Writer::new(Full(10_000), 4096).unwrap();
    writer.bucket(b"b", 0).unwrap();
    let outcome = (0_u32..50)
        .map(|key| writer.put(&key.to_be_bytes(), &[0; 1000]))
        .find(Result::is_err);
    assert!(matches!(outcome, Some(Err(WriteError::Write { .. }))));
}
