//! The SHA-256 of a snapshot and of the database in it.

use sha2::{Digest, Sha256};

/// Bytes of the SHA-256 behind the database (`server/etcdserver/api/v3rpc/maintenance.go`).
pub(super) const TRAILER: usize = 32;

/// Hashes a snapshot without knowing where its database ends: the last bytes are the trailer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hash {
    sha256: Sha256,
    /// Not hashed yet, as they may be the trailer.
    last: Vec<u8>,
}

/// What [`Hash`] found.
#[derive(Debug)]
pub(crate) struct Hashes {
    /// Of everything but the trailer.
    pub(crate) database: [u8; TRAILER],
    /// What etcd wrote down: the last bytes, if there are so many.
    pub(crate) trailer: Vec<u8>,
    /// Of everything.
    pub(crate) whole: [u8; TRAILER],
}

impl Hash {
    /// Takes the next bytes, any number of them.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        let known = self.last.len().saturating_add(bytes.len());
        let certain = known.saturating_sub(TRAILER);
        let of_last = certain.min(self.last.len());
        let (now, later) = bytes
            .split_at_checked(certain.saturating_sub(of_last))
            .unwrap_or((bytes, &[]));
        self.sha256.update(self.last.get(..of_last).unwrap_or_default());
        self.sha256.update(now);
        self.last.drain(..of_last);
        self.last.extend_from_slice(later);
    }

    pub(crate) fn finish(mut self) -> Hashes {
        let database = self.sha256.clone().finalize().into();
        self.sha256.update(&self.last);
        Hashes {
            database,
            trailer: self.last,
            whole: self.sha256.finalize().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_bytes_are_cut_makes_no_difference() {
        let bytes: Vec<u8> = (0..200_u8).collect();
        let (database, trailer) = bytes.split_at(168);
        for cut in [1, 7, 31, 32, 33, 64, 168, 199, 200] {
            let mut hash = Hash::default();
            bytes.chunks(cut).for_each(|piece| hash.update(piece));
            let found = hash.finish();
            assert_eq!(found.database, <[u8; TRAILER]>::from(Sha256::digest(database)));
            assert_eq!(found.trailer, trailer, "pieces of {cut}");
            assert_eq!(found.whole, <[u8; TRAILER]>::from(Sha256::digest(&bytes)));
        }
    }
}
