//! Decryption and decompression, on a thread of their own, of bytes that nobody vouches for yet.

use std::{
    io::{self, BufReader, Read},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use age::{DecryptError, Decryptor};
use bytes::{Buf, Bytes};
use sha2::Digest;
use tokio::sync::mpsc::{Receiver, Sender};

use super::{Identities, ReadError};
use crate::{layout::Form, manifest::Sha256};

/// Bytes decoded at once.
const PIECE: usize = 256 * 1024;
/// The largest window that is decompressed: 2^23 bytes, what zstd uses at its level 19, the highest we write. A frame that
/// asks for more was not made by us, and would cost as much memory as it likes.
const WINDOW_LOG: u32 = 23;
/// What age's header may take: 200 bytes for each recipient, and room for 300. Parsing it begins anew
/// with every line, so its time grows with the square.
const HEADER: u64 = 64 << 10;
/// From so many bytes on, output is compared with input: an empty database compresses well enough to look like a bomb.
const RATIO_FROM: u64 = 64 << 20;
/// More output than this many times the input is a bomb. Database pages compress 2 to 300 times; zstd's own limit is 32,768.
const RATIO: u64 = 10_000;

/// What the decoder hands on.
#[derive(Debug)]
pub(super) enum Yielded {
    Bytes(Bytes),
    /// All bytes were handed on, and are what the manifest says as far as that was to be proved.
    End,
}

/// What to expect.
#[derive(Debug)]
pub(super) struct Decoding {
    pub(super) form: Form,
    pub(super) identities: Option<Identities>,
    pub(super) size: u64,
    /// None where somebody else hashes.
    pub(super) sha256: Option<Sha256>,
}

type Fetched = Receiver<Result<Option<Bytes>, ReadError>>;

/// Decodes to the end and says how it ended. Blocks.
pub(super) fn decode(fetched: Fetched, yielded: &Sender<Result<Yielded, ReadError>>, decoding: &Decoding) {
    let end = decode_all(fetched, yielded, decoding);
    // Nobody listens any more: nobody is to be told.
    let _ = yielded.blocking_send(end.map(|()| Yielded::End));
}

fn decode_all(
    fetched: Fetched,
    yielded: &Sender<Result<Yielded, ReadError>>,
    decoding: &Decoding,
) -> Result<(), ReadError> {
    let taken = Arc::new(AtomicU64::new(0));
    let allowed = Arc::new(AtomicU64::new(if decoding.form.age { HEADER } else { u64::MAX }));
    let source = Fetching {
        fetched,
        chunk: Bytes::new(),
        ended: false,
        taken: taken.clone(),
        allowed: allowed.clone(),
    };
    let decrypted: Box<dyn Read> = match &decoding.identities {
        Some(identities) if decoding.form.age => Box::new(decrypt(source, identities)?),
        _ => Box::new(source),
    };
    allowed.store(u64::MAX, Ordering::Relaxed);
    let mut hand_on = HandOn {
        yielded,
        digest: decoding.sha256.map(|_| sha2::Sha256::new()),
        size: 0,
        most: decoding.size,
        taken,
    };
    let rest = if decoding.form.zstd {
        let mut decoder = zstd::Decoder::with_buffer(BufReader::new(decrypted))
            .map_err(|_| ReadError::Internal)?
            .single_frame();
        decoder
            .window_log_max(WINDOW_LOG)
            .map_err(|_| ReadError::Internal)?;
        hand_on.all(&mut decoder)?;
        decoder.finish().read(&mut [0])
    } else {
        let mut decrypted = decrypted;
        hand_on.all(&mut decrypted)?;
        decrypted.read(&mut [0])
    };
    if rest.map_err(|error| damage(&error))? > 0 {
        return Err(ReadError::Damaged("something follows the snapshot"));
    }
    hand_on.finish(decoding.sha256)
}

fn decrypt(source: Fetching, identities: &Identities) -> Result<impl Read + use<>, ReadError> {
    let opened = Decryptor::new_buffered(BufReader::new(source))
        .and_then(|decryptor| decryptor.decrypt(identities.keys()));
    opened.map_err(|error| match error {
        DecryptError::NoMatchingKeys => ReadError::WrongIdentity,
        DecryptError::Io(error) => damage(&error),
        _ => ReadError::Damaged("not an age file that can be decrypted"),
    })
}

/// An error of a layer below carries its reason through whatever wraps it; any other is damage.
fn damage(error: &io::Error) -> ReadError {
    let below = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<ReadError>());
    below
        .cloned()
        .unwrap_or(ReadError::Damaged("it cannot be decrypted or decompressed"))
}

/// Hands decoded bytes on, within what the manifest and reason allow.
struct HandOn<'a> {
    yielded: &'a Sender<Result<Yielded, ReadError>>,
    digest: Option<sha2::Sha256>,
    size: u64,
    most: u64,
    taken: Arc<AtomicU64>,
}

impl HandOn<'_> {
    fn all(&mut self, decoded: &mut impl Read) -> Result<(), ReadError> {
        loop {
            let mut piece = vec![0; PIECE];
            let length = read_full(decoded, &mut piece).map_err(|error| damage(&error))?;
            if length == 0 {
                return Ok(());
            }
            piece.truncate(length);
            self.size += length as u64;
            if self.size > self.most {
                return Err(ReadError::Damaged("it is longer than its manifest says"));
            }
            let taken = self.taken.load(Ordering::Relaxed).max(1);
            if self.size > RATIO_FROM && self.size / taken > RATIO {
                return Err(ReadError::Damaged(
                    "it grows more by decompressing than any database does",
                ));
            }
            if let Some(digest) = &mut self.digest {
                digest.update(&piece);
            }
            let piece = Ok(Yielded::Bytes(piece.into()));
            self.yielded
                .blocking_send(piece)
                .map_err(|_| ReadError::Internal)?;
        }
    }

    fn finish(self, sha256: Option<Sha256>) -> Result<(), ReadError> {
        if self.size < self.most {
            return Err(ReadError::Damaged("it is shorter than its manifest says"));
        }
        let found = self.digest.map(|digest| Sha256(digest.finalize().into()));
        if found == sha256 {
            Ok(())
        } else {
            Err(ReadError::Damaged(
                "its SHA-256 is not the one that its manifest says",
            ))
        }
    }
}

/// Fills the buffer as far as there is anything: decoders yield small pieces.
fn read_full(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Fetched chunks as a blocking reader.
struct Fetching {
    fetched: Fetched,
    chunk: Bytes,
    ended: bool,
    /// Bytes taken so far.
    taken: Arc<AtomicU64>,
    /// Bytes that may be taken for now.
    allowed: Arc<AtomicU64>,
}

impl Read for Fetching {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() && !self.ended {
            match self.fetched.blocking_recv() {
                Some(Ok(Some(chunk))) => self.chunk = chunk,
                Some(Ok(None)) => self.ended = true,
                Some(Err(error)) => return Err(io::Error::other(error)),
                None => return Err(io::Error::other(ReadError::Internal)),
            }
        }
        let length = self.chunk.len().min(buffer.len());
        let taken = self.taken.fetch_add(length as u64, Ordering::Relaxed) + length as u64;
        if taken > self.allowed.load(Ordering::Relaxed) {
            return Err(io::Error::other(ReadError::Damaged("its header has no end")));
        }
        buffer[..length].copy_from_slice(&self.chunk[..length]);
        self.chunk.advance(length);
        Ok(length)
    }
}
