//! A connection that remembers the TLS error it ended with.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, BufReader, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

use super::{classify::chain, lost::Lost};

/// What a member that hangs up can have sent before: its settings and the alert, each a small record. More is not listened to.
const LAST_WORDS: usize = 4096;

/// Bytes taken from the kernel at once. Above, HTTP/2 reads 8 KiB at a time, which costs a system call each.
const READ_AT_ONCE: usize = 128 << 10;

/// A connection that is read in large pieces.
pub(super) type Socket = BufReader<TcpStream>;

/// To one member.
pub(super) enum Connection {
    Plain(Socket),
    Tls(Box<Tls>),
}

/// Reads this connection in large pieces.
pub(super) fn socket(tcp: TcpStream) -> Socket {
    BufReader::with_capacity(READ_AT_ONCE, tcp)
}

impl Connection {
    pub(super) fn tls(stream: TlsStream<Socket>, lost: Lost) -> Self {
        Self::Tls(Box::new(Tls {
            stream,
            lost,
            failed: None,
            heard: 0,
        }))
    }
}

/// A TLS stream, and what is known about its end.
pub(super) struct Tls {
    stream: TlsStream<Socket>,
    lost: Lost,
    /// Writing failed with this; it is told once the member has been heard out.
    failed: Option<io::Error>,
    heard: usize,
}

impl Tls {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if let Poll::Ready(Err(error)) = &read
            && let Some(tls) = chain(error).find_map(|cause| cause.downcast_ref::<rustls::Error>())
        {
            self.lost.remember(tls);
        }
        read
    }

    /// Writes by `write`. A member that hangs up on us has often said why, but our next write may fail before that was read; so then it is read
    /// first. What else comes with it is of no use on a connection that takes no more requests.
    fn poll_writing<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut TlsStream<Socket>>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.failed.is_none() {
            match ready!(write(Pin::new(&mut self.stream), cx)) {
                Ok(done) => return Poll::Ready(Ok(done)),
                Err(error) => self.failed = Some(error),
            }
        }
        ready!(self.poll_last_words(cx));
        let error = self
            .failed
            .take()
            .unwrap_or_else(|| io::ErrorKind::BrokenPipe.into());
        Poll::Ready(Err(error))
    }

    /// Ready when nothing more is to be heard, which is soon: the connection is closed, so its socket is readable to the end.
    fn poll_last_words(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut words = [0; LAST_WORDS];
        while self.heard < LAST_WORDS {
            let mut words = ReadBuf::new(&mut words);
            match ready!(self.poll_read(cx, &mut words)) {
                Ok(()) if !words.filled().is_empty() => self.heard += words.filled().len(),
                Ok(()) | Err(_) => break,
            }
        }
        Poll::Ready(())
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(tls) => tls.poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(tls) => tls.poll_writing(cx, |stream, cx| stream.poll_write(cx, buf)),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(tls) => tls.poll_writing(cx, AsyncWrite::poll_flush),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(&mut tls.stream).poll_shutdown(cx),
        }
    }
}
