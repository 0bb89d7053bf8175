//! The log as it is written.
//!
//! In the form that etcd up to 3.6 writes (gogo's protobuf, which writes fields that are zero), byte for byte what etcdutl
//! 3.5 and 3.6 make of the same members. 3.7 leaves zero fields out, but reads both; so one form serves every version, and
//! which etcd will start on the directory does not have to be known.

use super::TERM;
use crate::crc32c::Joined;
use crate::restore::cluster::Cluster;
use crate::restore::proto::Message;

/// The first file of a log: sequence 0, index 0 (`wal.walName`).
pub(crate) const LOG_NAME: &str = "0000000000000000-0000000000000000.wal";
/// What etcd preallocates (`wal.SegmentSizeBytes`).
pub(crate) const LOG_SIZE: u64 = 64_000_000;

/// Kinds of records (`server/storage/wal/wal.go`).
pub(super) const METADATA: u64 = 1;
pub(super) const ENTRY: u64 = 2;
pub(super) const STATE: u64 = 3;
pub(super) const CRC: u64 = 4;
pub(super) const SNAPSHOT: u64 = 5;

/// `raftpb.EntryConfChange`.
pub(super) const CONF_CHANGE: u64 = 1;

/// The log of one member, without the zeros behind it.
pub(crate) fn log(cluster: &Cluster, member: u64) -> Vec<u8> {
    let mut frames = Frames {
        bytes: Vec::new(),
        crc: Joined::new(b""),
    };
    frames.push(CRC, None);
    let metadata = Message::default().number(1, member).number(2, cluster.id);
    frames.push(METADATA, Some(metadata));
    frames.push(SNAPSHOT, Some(Message::default().number(1, 0).number(2, 0)));
    for (member, index) in cluster.members.iter().zip(1..) {
        let change = Message::default()
            .number(1, 0)
            .number(2, 0)
            .number(3, member.id)
            .bytes(4, member.json().as_bytes());
        let entry = Message::default()
            .number(1, CONF_CHANGE)
            .number(2, TERM)
            .number(3, index)
            .bytes(4, &change.finish());
        frames.push(ENTRY, Some(entry));
    }
    let vote = cluster.members.first().map_or(0, |member| member.id);
    let state = Message::default()
        .number(1, TERM)
        .number(2, vote)
        .number(3, cluster.size());
    frames.push(STATE, Some(state));
    let snapshot = Message::default()
        .number(1, cluster.size())
        .number(2, TERM)
        .bytes(3, &conf_state(cluster));
    frames.push(SNAPSHOT, Some(snapshot));
    frames.bytes
}

/// `raftpb.ConfState`: everybody votes.
pub(super) fn conf_state(cluster: &Cluster) -> Vec<u8> {
    let voters = cluster.members.iter();
    voters
        .fold(Message::default(), |state, member| state.number(1, member.id))
        .number(5, 0)
        .finish()
}

/// Records in their frames (`wal/encoder.go`).
struct Frames {
    bytes: Vec<u8>,
    /// CRC-32C over the data of all records so far.
    crc: Joined,
}

impl Frames {
    fn push(&mut self, kind: u64, data: Option<Message>) {
        let data = data.map(Message::finish);
        self.crc.append_bytes(data.as_deref().unwrap_or_default());
        let record = Message::default()
            .number(1, kind)
            .number(2, u64::from(self.crc.finish()));
        let record = match data {
            Some(data) => record.bytes(3, &data),
            None => record,
        }
        .finish();
        let padding = record.len().next_multiple_of(8).saturating_sub(record.len());
        // `encodeFrameSize`: the length in the low 56 bits, and how much padding follows in the top byte.
        let mut field = u64::try_from(record.len()).unwrap_or(u64::MAX);
        if padding > 0 {
            field |= (0x80 | u64::try_from(padding).unwrap_or(0)) << 56;
        }
        self.bytes.extend(field.to_le_bytes());
        self.bytes.extend(record);
        self.bytes.resize(self.bytes.len().saturating_add(padding), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::restore::cluster::InitialCluster;
    use crate::restore::raft::{read_log, read_snapshot_file, snapshot_file, snapshot_name};

    fn cluster(members: usize) -> Cluster {
        let text: Vec<_> = (0..members)
            .map(|member| format!("m{member}=http://10.0.0.{}:2380", member + 1))
            .collect();
        Cluster::new(&InitialCluster::parse(&text.join(",")).unwrap(), "tok1").unwrap()
    }

    #[test]
    fn what_is_written_is_read_back() {
        for members in [1, 3, 5, 31] {
            let cluster = cluster(members);
            let ids: Vec<u64> = cluster.members.iter().map(|member| member.id).collect();
            let mut bytes = log(&cluster, ids[0]);
            bytes.resize(bytes.len() + 4096, 0);
            let read = read_log(&bytes).unwrap();
            let count = members as u64;
            assert_eq!((read.member, read.cluster), (ids[0], cluster.id));
            assert_eq!((read.term, read.vote, read.commit), (1, ids[0], count));
            assert_eq!(read.snapshots, [(0, 0, vec![]), (count, 1, ids.clone())]);
            let entries: Vec<_> = read
                .entries
                .iter()
                .map(|entry| (entry.term, entry.index, entry.member))
                .collect();
            let expected: Vec<_> = ids.iter().zip(1..).map(|(id, index)| (1, index, *id)).collect();
            assert_eq!(entries, expected);

            assert_eq!(
                snapshot_name(&cluster),
                format!("0000000000000001-{members:016x}.snap")
            );
            assert_eq!(
                read_snapshot_file(&snapshot_file(&cluster)),
                Some((count, 1, ids))
            );
        }
    }

    #[test]
    fn a_log_with_any_byte_changed_is_not_read_as_the_same() {
        let cluster = cluster(3);
        let bytes = log(&cluster, cluster.members[0].id);
        let sound = read_log(&bytes);
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            let read = read_log(&damaged);
            let harmless = read == sound && is_padding(&bytes, at);
            assert!(read.is_none() || harmless, "byte {at}: {read:?}");
        }
        assert_eq!(read_log(&bytes[..bytes.len() - 1]), None);
    }

    /// Whether a byte is one that no reader looks at: padding, or the unused bits of a frame's top byte.
    fn is_padding(bytes: &[u8], at: usize) -> bool {
        let mut start = 0;
        while start < bytes.len() {
            let field = u64::from_le_bytes(bytes[start..start + 8].try_into().unwrap());
            let length = (field & ((1 << 56) - 1)) as usize;
            let padding = ((field >> 56) & 7) as usize;
            let end = start + 8 + length;
            if at == start + 7 || (end..end + padding).contains(&at) {
                return true;
            }
            start = end + padding;
        }
        false
    }

    #[test]
    fn a_snapshot_file_with_any_byte_changed_is_refused() {
        let cluster = cluster(1);
        let sound = snapshot_file(&cluster);
        for at in 0..sound.len() {
            let mut damaged = sound.clone();
            damaged[at] ^= 1;
            assert_eq!(read_snapshot_file(&damaged), None, "byte {at}");
        }
    }
}
