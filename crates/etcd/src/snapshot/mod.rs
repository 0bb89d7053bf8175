//! The snapshot of one member, as a stream of bytes that accounts for itself.

mod ledger;
mod watchdog;

use std::{
    error::Error as _,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::{Stream, StreamExt, stream::BoxStream};
use ledger::Ledger;
pub use ledger::{StreamProblem, TRAILER_LENGTH};
use watchdog::Watchdog;

use crate::{
    EtcdError, Timeouts,
    connect::{Link, classify, how_lost},
};

/// What the server sends, one at a time.
#[derive(Debug)]
struct Message {
    remaining: u64,
    blob: Bytes,
    version: String,
}

type Source = BoxStream<'static, Result<Message, etcd_client::Error>>;

/// The bytes of a snapshot file, SHA-256 trailer included, in order.
///
/// # Guarantees
/// After the stream has ended with `None`, exactly [`Self::total_bytes`] bytes were yielded, a whole number of 512-byte sectors and 32 more,
/// every message's announcement agreed with the others, and nothing followed the trailer. What the bytes mean (the trailer's value among it) is
/// for a verifier to prove. Until `None`, nothing is proved: draining only [`Self::total_bytes`] bytes is not enough.
///
/// # Caveats
/// The member keeps a read transaction open for as long as this value lives: pages freed meanwhile are not reused, and a defragmentation blocks
/// every write until the transaction ends. Read it as fast as it comes. After an error the stream lets go of the member and ends.
pub struct SnapshotStream {
    endpoint: String,
    /// `None` after the end or an error.
    source: Option<Source>,
    /// The first message, which was already received.
    first: Option<Bytes>,
    ledger: Ledger,
    watchdog: Watchdog,
    storage_version: Option<String>,
}

impl fmt::Debug for SnapshotStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotStream")
            .field("endpoint", &self.endpoint)
            .field("received", &self.ledger.received())
            .field("total", &self.ledger.total())
            .finish_non_exhaustive()
    }
}

/// Asks a member for its snapshot and waits for the first message, so that a refusal is an error here and not in the stream.
pub(crate) async fn open(link: &Link, timeouts: Timeouts) -> Result<SnapshotStream, EtcdError> {
    let stream = link
        .request("the snapshot", async |client| {
            client.maintenance_client().snapshot().await
        })
        .await?;
    let messages = futures::stream::try_unfold(stream, async |mut stream| {
        let message = stream.message().await?;
        Ok(message.map(|m| {
            let message = Message {
                remaining: m.0.remaining_bytes,
                blob: m.0.blob.into(),
                version: m.0.version,
            };
            (message, stream)
        }))
    });
    SnapshotStream::start(link.endpoint(), messages.boxed(), timeouts).await
}

impl SnapshotStream {
    /// The version of etcd whose storage format the database has, as the member announced it. `None` before etcd 3.6.
    pub fn storage_version(&self) -> Option<&str> {
        self.storage_version.as_deref()
    }

    /// Bytes of the whole snapshot, trailer included.
    pub fn total_bytes(&self) -> u64 {
        self.ledger.total()
    }

    async fn start(endpoint: &str, source: Source, timeouts: Timeouts) -> Result<Self, EtcdError> {
        let mut stream = Self {
            endpoint: endpoint.to_owned(),
            source: Some(source),
            first: None,
            ledger: Ledger::default(),
            watchdog: Watchdog::new(timeouts),
            storage_version: None,
        };
        let first = std::future::poll_fn(|cx| stream.poll_message(cx)).await;
        let first = first.unwrap_or_else(|| Err(stream.broken(StreamProblem::Truncated)))?;
        stream.storage_version =
            ledger::storage_version(&first.version).map_err(|problem| stream.broken(problem))?;
        stream.first = Some(first.blob);
        Ok(stream)
    }

    /// The next message, entered into the books.
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message, EtcdError>>> {
        let Some(source) = &mut self.source else {
            return Poll::Ready(None);
        };
        let Poll::Ready(next) = source.poll_next_unpin(cx) else {
            return self
                .watchdog
                .poll_silence(cx)
                .map(|slow| Some(Err(self.stalled(slow))));
        };
        let result = match next {
            Some(Ok(message)) => self.account(&message).map(|()| Some(message)),
            Some(Err(error)) => Err(self.failed(&error)),
            None => self
                .ledger
                .close()
                .map(|()| None)
                .map_err(|problem| self.broken(problem)),
        };
        if !matches!(result, Ok(Some(_))) {
            self.source = None;
        }
        Poll::Ready(result.transpose())
    }

    fn account(&mut self, message: &Message) -> Result<(), EtcdError> {
        let length = message.blob.len() as u64;
        self.ledger
            .enter(message.remaining, length)
            .map_err(|problem| self.broken(problem))?;
        self.watchdog.bytes(length).map_err(|slow| self.stalled(slow))
    }

    fn stalled(&mut self, slow: watchdog::Slow) -> EtcdError {
        self.source = None;
        EtcdError::Stalled {
            endpoint: self.endpoint.clone(),
            received: self.ledger.received(),
            total: self.ledger.total(),
            problem: slow.to_string(),
        }
    }

    fn broken(&self, problem: StreamProblem) -> EtcdError {
        EtcdError::StreamBroken {
            endpoint: self.endpoint.clone(),
            received: self.ledger.received(),
            total: self.ledger.total(),
            problem,
        }
    }

    /// The stream ended with an error. Before the first byte that is an answer to the request; after it, whatever the code says, the same
    /// snapshot can be asked for again. (A killed member shows as code Unknown with an HTTP/2 error, not as Unavailable.)
    fn failed(&mut self, error: &etcd_client::Error) -> EtcdError {
        let error_of_request = classify(&self.endpoint, "the snapshot", error);
        if matches!(&error_of_request, EtcdError::Unreachable { problem, .. } if problem.contains("keep-alive"))
        {
            return EtcdError::Stalled {
                endpoint: self.endpoint.clone(),
                received: self.ledger.received(),
                total: self.ledger.total(),
                problem: "the member gave no sign of life (HTTP/2 keep-alive timed out)".to_owned(),
            };
        }
        if self.ledger.total() == 0 {
            return error_of_request;
        }
        match error {
            etcd_client::Error::GRpcStatus(status) if status.source().is_none() => {
                let said = crate::text::etcd_message(status.message());
                self.broken(StreamProblem::EndedByServer(
                    said.unwrap_or_else(|| format!("{:?}", status.code())),
                ))
            }
            other => self.broken(StreamProblem::ConnectionLost(how_lost(other))),
        }
    }
}

impl Stream for SnapshotStream {
    type Item = Result<Bytes, EtcdError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        self.poll_message(cx)
            .map(|next| next.map(|message| message.map(|m| m.blob)))
    }
}

#[cfg(test)]
mod tests;
