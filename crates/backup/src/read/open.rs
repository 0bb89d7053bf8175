use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use etcd_backup_store::Store;
use futures::StreamExt;
use tokio::{
    io::{AsyncRead, ReadBuf},
    sync::mpsc,
    task::spawn_blocking,
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    Identities, ReadError,
    decode::{Decoding, Yielded, decode},
    fetch::fetch,
};
use crate::manifest::{Manifest, Sha256};

/// Chunks between the store and the decoder, and between the decoder and the reader.
const QUEUE: usize = 4;

/// The bytes that etcd gave, its SHA-256 trailer included.
///
/// An end of file means that all of them were read and, where [`open`] made it, have the manifest's SHA-256; until then
/// nothing is proved. An error carries a [`ReadError`]: see [`ReadError::of`].
#[derive(Debug)]
pub struct SnapshotReader {
    yielded: mpsc::Receiver<Result<Yielded, ReadError>>,
    chunk: Bytes,
    ended: bool,
    /// Fetches for the decoder; ends with the reader.
    _fetching: AbortOnDropHandle<()>,
}

/// Opens the snapshot of a backup.
///
/// # Errors
/// [`ReadError::IdentityNeeded`] for an encrypted one without identities. Whether they fit, and whether the object is
/// there, is found out by reading.
pub async fn open(
    store: &Arc<dyn Store>,
    manifest: &Manifest,
    identities: Option<&Identities>,
) -> Result<SnapshotReader, ReadError> {
    open_and(Some(manifest.snapshot.sha256), store, manifest, identities)
}

/// Likewise, for those who hash the bytes themselves and hold them against the manifest's SHA-256, as a restore does. Here
/// nothing but their number is looked at.
///
/// # Errors
/// As [`open`].
pub async fn open_unproved(
    store: &Arc<dyn Store>,
    manifest: &Manifest,
    identities: Option<&Identities>,
) -> Result<SnapshotReader, ReadError> {
    open_and(None, store, manifest, identities)
}

fn open_and(
    sha256: Option<Sha256>,
    store: &Arc<dyn Store>,
    manifest: &Manifest,
    identities: Option<&Identities>,
) -> Result<SnapshotReader, ReadError> {
    let location = manifest.location().map_err(|_| ReadError::Location)?;
    let form = manifest.object.form();
    if form.age && identities.is_none() {
        return Err(ReadError::IdentityNeeded);
    }
    let stored = fetch(
        store.clone(),
        location.snapshot_key(form),
        manifest.object.size,
        None,
    );
    let (fetched_in, fetched) = mpsc::channel(QUEUE);
    let fetching = async move {
        let mut stored = std::pin::pin!(stored);
        while let Some(chunk) = stored.next().await {
            let chunk = chunk.map_err(ReadError::from);
            let failed = chunk.is_err();
            if fetched_in.send(chunk.map(Some)).await.is_err() || failed {
                return;
            }
        }
        // Said aloud: a channel that merely closes is a failure.
        let _ = fetched_in.send(Ok(None)).await;
    };
    let fetching = AbortOnDropHandle::new(tokio::spawn(fetching));
    let (yielded_in, yielded) = mpsc::channel(QUEUE);
    let decoding = Decoding {
        form,
        identities: identities.cloned(),
        size: manifest.snapshot.size,
        sha256,
    };
    // Ends by itself when either channel does.
    drop(spawn_blocking(move || decode(fetched, &yielded_in, &decoding)));
    Ok(SnapshotReader {
        yielded,
        chunk: Bytes::new(),
        ended: false,
        _fetching: fetching,
    })
}

impl ReadError {
    /// The error that a [`SnapshotReader`] gave, out of the `io::Error` that carries it.
    pub fn of(error: &io::Error) -> Self {
        error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Self>())
            .cloned()
            .unwrap_or(Self::Internal)
    }
}

impl AsyncRead for SnapshotReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.chunk.is_empty() && !this.ended {
            match ready!(this.yielded.poll_recv(context)) {
                Some(Ok(Yielded::Bytes(chunk))) => this.chunk = chunk,
                Some(Ok(Yielded::End)) => this.ended = true,
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => return Poll::Ready(Err(io::Error::other(ReadError::Internal))),
            }
        }
        let length = this.chunk.len().min(buffer.remaining());
        buffer.put_slice(&this.chunk[..length]);
        this.chunk.advance(length);
        Poll::Ready(Ok(()))
    }
}
