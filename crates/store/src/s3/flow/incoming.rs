//! An answer's body, which must keep coming.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use super::Stalled;

pub(super) struct Incoming {
    body: SdkBody,
    stall: Duration,
    alarm: Pin<Box<Sleep>>,
    /// The alarm runs only while somebody waits: a reader that takes its time is not the server's fault.
    waiting: bool,
}

impl Incoming {
    pub(super) fn new(body: SdkBody, stall: Duration) -> Self {
        Self {
            body,
            stall,
            alarm: Box::pin(sleep(stall)),
            waiting: false,
        }
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = aws_smithy_types::body::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.waiting = false;
            return Poll::Ready(frame);
        }
        if !self.waiting {
            self.waiting = true;
            let deadline = Instant::now() + self.stall;
            self.alarm.as_mut().reset(deadline);
        }
        match self.alarm.as_mut().poll(cx) {
            Poll::Ready(()) => {
                let stalled = Stalled { after: self.stall };
                Poll::Ready(Some(Err(stalled.into())))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        Body::size_hint(&self.body)
    }
}
