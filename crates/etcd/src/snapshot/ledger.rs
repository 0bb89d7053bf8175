//! Accounts for the bytes of a snapshot stream.

use crate::text;

/// The SHA-256 that follows the database, as the stream's last message (server/etcdserver/api/v3rpc/maintenance.go, Snapshot).
pub const TRAILER_LENGTH: u64 = 32;

/// The smallest page bbolt uses; a database is a whole number of pages. etcd's own tools tell a snapshot with a trailer from one without by
/// `size % 512 == 32` (etcdutl/snapshot/v3_snapshot.go, hasChecksum).
const SECTOR: u64 = 512;

/// Longer than any storage version (`3.6.0`), with room for a pre-release's suffix.
const VERSION_LENGTH: usize = 32;

/// A message's claim about the rest of the stream contradicts what came before. What etcd does itself when its disk fails in the middle: it
/// goes on sending empty messages for ever.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamProblem {
    /// A message without bytes.
    #[error("the member sends empty messages: it cannot read its own database")]
    EmptyMessage,
    /// `remaining_bytes` did not fall by exactly what was sent.
    #[error("the member announced {announced} bytes to follow where {expected} must")]
    RemainingMismatch {
        /// What must follow, from the messages before.
        expected: u64,
        /// What was announced.
        announced: u64,
    },
    /// The announced size is no database's.
    #[error("the member announced a database of {0} bytes, which is no whole number of pages")]
    ImpossibleSize(u64),
    /// The version is not one.
    #[error("the member announced a storage version that is none")]
    InvalidVersion,
    /// Bytes after the last one.
    #[error("bytes follow the checksum that ends a snapshot")]
    BytesAfterTrailer,
    /// The stream ended inside the database.
    #[error("the stream ended before the database did")]
    Truncated,
    /// The stream ended without its checksum.
    #[error("the stream ended without the checksum that ends a snapshot")]
    TrailerMissing,
    /// The connection was lost.
    #[error("{0}")]
    ConnectionLost(String),
    /// etcd ended the stream with an error.
    #[error("etcd ended it: {0}")]
    EndedByServer(String),
}

/// Bytes announced and received. Every message is entered before its bytes are handed on.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Bytes of the database; known from the first message on.
    database: Option<u64>,
    received: u64,
}

impl Ledger {
    /// Enters one message. Its bytes may be used if this returns `Ok`.
    pub(crate) fn enter(&mut self, announced: u64, length: u64) -> Result<(), StreamProblem> {
        if length == 0 {
            return Err(StreamProblem::EmptyMessage);
        }
        let database = match self.database {
            Some(database) => database,
            None => *self.database.insert(first(announced, length)?),
        };
        let expected = match database.checked_sub(self.received) {
            // Inside the database, whose messages never reach into the trailer.
            Some(left) if left > 0 => left.checked_sub(length).ok_or(StreamProblem::RemainingMismatch {
                expected: 0,
                announced,
            })?,
            _ if self.received + length > database + TRAILER_LENGTH => {
                return Err(StreamProblem::BytesAfterTrailer);
            }
            _ => 0,
        };
        if announced != expected {
            return Err(StreamProblem::RemainingMismatch { expected, announced });
        }
        self.received += length;
        Ok(())
    }

    /// The stream has ended.
    pub(crate) fn close(&self) -> Result<(), StreamProblem> {
        match self.database {
            Some(database) if self.received == database + TRAILER_LENGTH => Ok(()),
            Some(database) if self.received >= database => Err(StreamProblem::TrailerMissing),
            _ => Err(StreamProblem::Truncated),
        }
    }

    /// Bytes received, trailer included.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Bytes of the whole snapshot, trailer included; 0 before the first message.
    pub(crate) fn total(&self) -> u64 {
        self.database.map_or(0, |database| database + TRAILER_LENGTH)
    }
}

fn first(announced: u64, length: u64) -> Result<u64, StreamProblem> {
    // A negative number of bytes to follow, as Go's int64, arrives as a huge one.
    let database = announced
        .checked_add(length)
        .filter(|total| {
            i64::try_from(*total).is_ok_and(|total| total < i64::MAX - TRAILER_LENGTH.cast_signed())
        })
        .ok_or(StreamProblem::ImpossibleSize(announced))?;
    if !database.is_multiple_of(SECTOR) {
        return Err(StreamProblem::ImpossibleSize(database));
    }
    Ok(database)
}

/// The storage version of the first message: `None` where there is none (before 3.6, or not set), an error where it is no version.
pub(crate) fn storage_version(announced: &str) -> Result<Option<String>, StreamProblem> {
    let plausible = announced.len() <= VERSION_LENGTH
        && announced
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+'));
    match (announced.is_empty(), plausible) {
        (true, _) => Ok(None),
        (false, true) => Ok(Some(text::shown(announced))),
        (false, false) => Err(StreamProblem::InvalidVersion),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Enters messages given as (announced, length); closes the ledger after the last.
    fn run(messages: &[(u64, u64)]) -> Result<(), StreamProblem> {
        let mut ledger = Ledger::default();
        for &(announced, length) in messages {
            ledger.enter(announced, length)?;
        }
        ledger.close()
    }

    #[test]
    fn a_stream_as_etcd_sends_it_is_accepted() {
        assert_eq!(run(&[(32768, 32768), (0, 32768), (0, 32)]), Ok(()));
        assert_eq!(run(&[(0, 16384), (0, 32)]), Ok(()));
    }

    #[test]
    fn whatever_contradicts_itself_is_refused() {
        use StreamProblem as P;
        let mismatch = |expected, announced| P::RemainingMismatch { expected, announced };
        let cases: &[(&[(u64, u64)], P)] = &[
            (&[], P::Truncated),
            (&[(0, 0)], P::EmptyMessage),
            (&[(4096, 0)], P::EmptyMessage),
            (&[(4096, 4096), (4096, 0)], P::EmptyMessage),
            (&[(0, 4096), (0, 0)], P::EmptyMessage),
            (&[(8192, 4096), (8192, 4096)], mismatch(4096, 8192)),
            (&[(8192, 4096), (0, 4096)], mismatch(4096, 0)),
            (&[(8192, 4096), (12288, 4096)], mismatch(4096, 12288)),
            (&[(8192, 4096), (u64::MAX, 4096)], mismatch(4096, u64::MAX)),
            (&[(4096, 4096), (0, 4128)], mismatch(0, 0)),
            (&[(u64::MAX, 4096)], P::ImpossibleSize(u64::MAX)),
            (&[(u64::MAX - 4095, 4096)], P::ImpossibleSize(u64::MAX - 4095)),
            (&[(i64::MAX as u64, 1)], P::ImpossibleSize(i64::MAX as u64)),
            (&[(0, 32)], P::ImpossibleSize(32)),
            (&[(1, 4096)], P::ImpossibleSize(4097)),
            (&[(0, 4096), (1, 32)], mismatch(0, 1)),
            (&[(0, 4096), (0, 33)], P::BytesAfterTrailer),
            (&[(0, 4096), (0, 32), (0, 1)], P::BytesAfterTrailer),
            (&[(0, 4096), (0, 32), (0, 32)], P::BytesAfterTrailer),
            (&[(0, 4096)], P::TrailerMissing),
            (&[(0, 4096), (0, 31)], P::TrailerMissing),
            (&[(4096, 4096)], P::Truncated),
        ];
        for (messages, problem) in cases {
            assert_eq!(run(messages).as_ref(), Err(problem), "{messages:?}");
        }
    }

    #[test]
    fn a_version_is_short_and_plain_or_refused() {
        assert_eq!(storage_version(""), Ok(None));
        assert_eq!(storage_version("3.6.0"), Ok(Some("3.6.0".into())));
        assert_eq!(storage_version("3.8.0-alpha.0"), Ok(Some("3.8.0-alpha.0".into())));
        for bad in ["3.6.0\n", "<script>", &"3".repeat(33), &"9".repeat(3 << 20)] {
            assert_eq!(storage_version(bad), Err(StreamProblem::InvalidVersion));
        }
    }

    /// Cuts `total` bytes into messages at the given points.
    fn cut(total: u64, points: &[u64]) -> Vec<(u64, u64)> {
        let mut ends: Vec<u64> = points.iter().map(|p| p % total).filter(|p| *p > 0).collect();
        ends.push(total);
        ends.sort_unstable();
        ends.dedup();
        let starts = std::iter::once(0).chain(ends.iter().copied());
        starts
            .zip(&ends)
            .map(|(start, end)| (total - end, end - start))
            .collect()
    }

    proptest! {
        #[test]
        fn any_cutting_of_database_and_trailer_is_accepted_and_any_changed_number_is_not(
            pages in 1_u64..200,
            points in prop::collection::vec(any::<u64>(), 0..40),
            trailer in prop::collection::vec(any::<u64>(), 0..4),
            at in any::<prop::sample::Index>(),
            by in 1_u64..u64::MAX,
        ) {
            let mut messages = cut(pages * SECTOR, &points);
            messages.extend(cut(TRAILER_LENGTH, &trailer).into_iter().map(|(_, length)| (0, length)));
            prop_assert_eq!(run(&messages), Ok(()));

            // Stopping early, at any message.
            let at = at.index(messages.len());
            prop_assert!(run(&messages[..at]).is_err());

            // Announcing anything else, at any message.
            messages[at].0 = messages[at].0.wrapping_add(by);
            let accepted = run(&messages).is_ok();
            // The first message's number is the announcement itself: with another one, only a lie that no later message betrays could pass.
            prop_assert!(!accepted, "{:?}", messages);
        }
    }
}
