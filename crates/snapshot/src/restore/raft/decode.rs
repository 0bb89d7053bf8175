//! Reading a log back, to check what was written as etcd will (`server/verify/verify.go`, `wal.ReadAll`).
//!
//! Reads the forms of all versions: fields that are zero may be missing.

use super::log::{CONF_CHANGE, CRC, ENTRY, METADATA, SNAPSHOT, STATE};
use crate::crc32c::Joined;
use crate::restore::proto::Fields;

/// What a log says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Log {
    /// Whose it is.
    pub(crate) member: u64,
    pub(crate) cluster: u64,
    /// Term, index, and what a configuration change adds: a member's id and its JSON.
    pub(crate) entries: Vec<Entry>,
    /// The last hard state.
    pub(crate) term: u64,
    pub(crate) vote: u64,
    pub(crate) commit: u64,
    /// Snapshot records: index, term, voters.
    pub(crate) snapshots: Vec<(u64, u64, Vec<u64>)>,
}

/// A configuration change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) term: u64,
    pub(crate) index: u64,
    pub(crate) member: u64,
    pub(crate) json: Vec<u8>,
}

/// Reads a log up to the zeros behind it. `None` when a frame is cut short, a checksum is wrong or a record makes no sense.
pub(crate) fn read_log(mut bytes: &[u8]) -> Option<Log> {
    let mut log = Log::default();
    let mut crc = Joined::new(b"");
    loop {
        let Some((field, rest)) = bytes.split_first_chunk::<8>() else {
            return bytes.is_empty().then_some(log);
        };
        let field = u64::from_le_bytes(*field);
        if field == 0 {
            return bytes.iter().all(|byte| *byte == 0).then_some(log);
        }
        let top = field >> 56;
        let padding = if top & 0x80 == 0 {
            0
        } else {
            usize::try_from(top & 0x7).ok()?
        };
        let length = usize::try_from(field & ((1 << 56) - 1)).ok()?;
        let (record, rest) = rest.split_at_checked(length)?;
        let (_, rest) = rest.split_at_checked(padding)?;
        bytes = rest;
        let record = Fields::parse(record)?;
        let data = record.bytes(3);
        crc.append_bytes(data);
        if record.number(2) != u64::from(crc.finish()) {
            return None;
        }
        log.take(record.number(1), data)?;
    }
}

impl Log {
    fn take(&mut self, kind: u64, data: &[u8]) -> Option<()> {
        let fields = Fields::parse(data)?;
        match kind {
            CRC => {}
            METADATA => (self.member, self.cluster) = (fields.number(1), fields.number(2)),
            ENTRY if fields.number(1) == CONF_CHANGE => {
                let change = Fields::parse(fields.bytes(4))?;
                self.entries.push(Entry {
                    term: fields.number(2),
                    index: fields.number(3),
                    member: change.number(3),
                    json: change.bytes(4).to_vec(),
                });
            }
            STATE => {
                (self.term, self.vote, self.commit) = (fields.number(1), fields.number(2), fields.number(3));
            }
            SNAPSHOT => {
                let state = Fields::parse(fields.bytes(3))?;
                self.snapshots
                    .push((fields.number(1), fields.number(2), state.numbers(1)));
            }
            _ => return None,
        }
        Some(())
    }
}
