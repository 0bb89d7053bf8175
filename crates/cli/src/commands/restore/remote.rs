//! A source far away that may fall silent: an object of a store.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use etcd_backup_snapshot::restore::Source;
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::{
    io::SyncIoBridge,
    sync::{CancellationToken, WaitForCancellationFutureOwned},
};

/// Reads until it is cancelled. A store that does not answer is given minutes, which nobody waits for who wants to end.
struct Remote<R> {
    reader: R,
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
}

/// Something that is read asynchronously, for the engine, which reads on a thread. `cancelled` ends the reading, which fails then.
pub(in crate::commands) fn remote(
    reader: impl AsyncRead + Send + Unpin + 'static,
    cancelled: &CancellationToken,
) -> Source<'static> {
    let cancelled = Box::pin(cancelled.clone().cancelled_owned());
    Source::Reader(Box::new(SyncIoBridge::new(Remote { reader, cancelled })))
}

impl<R: AsyncRead + Unpin> AsyncRead for Remote<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.cancelled.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::Error::other("interrupted")));
        }
        Pin::new(&mut self.reader).poll_read(context, into)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn nobody_waits_for_a_store_that_says_nothing_when_it_is_to_end() {
        let token = CancellationToken::new();
        let (mut writer, reader) = tokio::io::duplex(8);
        let cancelled = Box::pin(token.clone().cancelled_owned());
        let mut remote = Remote { reader, cancelled };
        tokio::io::AsyncWriteExt::write_all(&mut writer, b"some")
            .await
            .unwrap();
        let mut read = [0; 8];
        assert_eq!(remote.read(&mut read).await.unwrap(), 4);
        let (silent, ()) = tokio::join!(remote.read(&mut read), async { token.cancel() });
        assert!(silent.is_err());
    }
}
