//! A request's body, handed out in pieces that are counted.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::progress::Progress;

/// A part is one piece of 8 MiB in memory; handed over whole, nothing could be seen moving.
const PIECE: usize = 64 * 1024;

pub(super) struct Outgoing {
    body: SdkBody,
    pending: Bytes,
    left: u64,
    progress: Arc<Progress>,
}

impl Outgoing {
    pub(super) fn new(body: SdkBody, length: u64, progress: Arc<Progress>) -> Self {
        Self {
            body,
            pending: Bytes::new(),
            left: length,
            progress,
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = aws_smithy_types::body::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        while self.pending.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.pending = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                end => return Poll::Ready(end),
            }
        }
        let length = self.pending.len().min(PIECE);
        let piece = self.pending.split_to(length);
        self.left = self.left.saturating_sub(length as u64);
        if self.left == 0 {
            self.progress.sent_everything();
        } else {
            self.progress.moved();
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0 && self.pending.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
