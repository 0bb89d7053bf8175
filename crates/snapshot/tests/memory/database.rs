//! Databases of etcd's shape that are never held: written page by page into whatever reads them.

use std::io::{self, Write};

use etcd_backup_bolt::write::{Head, Writer};
use etcd_backup_snapshot::{Report, Verifier, VerifyError};
use sha2::{Digest, Sha256};

/// etcd's, on most machines.
pub(crate) const PAGE: u32 = 4096;

/// Bytes of a record besides its value: its key in bbolt (17), the element of the page (16), and protobuf around the value.
const AROUND: u64 = 17 + 16 + 24;

/// What is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Database {
    pub(crate) records: u64,
    value: usize,
    compacting: bool,
}

impl Database {
    /// So many records, two of each key, each with a value of so many bytes. HashKV of keys that never changed needs no memory.
    pub(crate) fn of(records: u64, value: usize) -> Self {
        Self {
            records,
            value,
            compacting: false,
        }
    }

    /// A compaction began and did not end.
    pub(crate) fn compacting(self) -> Self {
        Self {
            compacting: true,
            ..self
        }
    }

    /// How many leaves its records take: bbolt fills nine tenths of a page, with two keys at least.
    pub(crate) fn leaves(&self) -> u64 {
        let each = (u64::from(PAGE) * 9 / 10) / (self.value as u64 + AROUND);
        self.records.div_ceil(each.max(2))
    }

    /// Writes it, from page 2 on.
    pub(crate) fn write<W: Write>(&self, sink: W) -> (W, Head) {
        let mut writer = Writer::new(sink, PAGE).unwrap();
        writer.bucket(b"key", 0).unwrap();
        // mvccpb.KeyValue: key, create_revision, mod_revision, version, value.
        let mut record = vec![10, 8];
        record.extend([0; 8]);
        record.extend([16, 2, 24, 2, 32, 1, 42]);
        varint(&mut record, self.value);
        record.resize(record.len() + self.value, b'v');
        for number in 0..self.records {
            record[2..10].copy_from_slice(&(number % (self.records / 2)).to_be_bytes());
            let revision = [&(number + 2).to_be_bytes()[..], b"_", &[0; 8]].concat();
            writer.put(&revision, &record).unwrap();
        }
        writer.bucket(b"meta", 0).unwrap();
        let revision = |main: u64| [&main.to_be_bytes()[..], b"_", &[0; 8]].concat();
        writer.put(b"consistent_index", &9_u64.to_be_bytes()).unwrap();
        if self.compacting {
            writer.put(b"finishedCompactRev", &revision(3)).unwrap();
            writer.put(b"scheduledCompactRev", &revision(9)).unwrap();
        }
        writer.finish().unwrap()
    }
}

fn varint(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// What is written goes through a verifier and is gone.
#[derive(Debug)]
pub(crate) struct Passing {
    verifier: Verifier,
    hash: Sha256,
}

impl Passing {
    pub(crate) fn new(verifier: Verifier) -> Self {
        Self {
            verifier,
            hash: Sha256::new(),
        }
    }

    pub(crate) fn pass(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.verifier.push(bytes).unwrap();
    }

    /// Puts etcd's SHA-256 behind it, and asks for the verdict.
    pub(crate) fn finish(mut self) -> Result<Report, VerifyError> {
        self.verifier.push(&self.hash.finalize())?;
        self.verifier.finish()
    }
}

impl Write for Passing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pass(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
