//! Requests die when nothing moves, not when they take long.
//!
//! A total timeout kills a healthy transfer over a slow line, and no timeout waits for ever. So this layer
//! between the SDK and its HTTP client watches the bytes: each that goes out or comes in buys the request
//! another [`Timeouts::stall`]. It also notes how far the server's clock is from ours.

mod clock;
mod incoming;
mod outgoing;
mod progress;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;

pub(super) use clock::ClockOffset;
use incoming::Incoming;
use outgoing::Outgoing;
use progress::Progress;

use super::config::Timeouts;

/// Nothing moved for this long.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("nothing moved for {} s", .after.as_secs_f32())]
pub(super) struct Stalled {
    pub(super) after: Duration,
}

/// An HTTP connector that watches what passes through another.
#[derive(Clone)]
pub(super) struct Watched {
    inner: SharedHttpConnector,
    timeouts: Timeouts,
    clock: ClockOffset,
}

impl Watched {
    pub(super) fn new(inner: SharedHttpConnector, timeouts: Timeouts, clock: ClockOffset) -> Self {
        Self {
            inner,
            timeouts,
            clock,
        }
    }

    fn allowances(&self, request: &HttpRequest) -> Allowances {
        let length = request.body().content_length().unwrap_or(0);
        let sending = self.timeouts.stall + draining(length);
        // The only POST with `uploadId` is CompleteMultipartUpload.
        let assembles = request.method() == "POST" && request.uri().contains("uploadId=");
        Allowances {
            sending,
            waiting: if assembles {
                self.timeouts.assembly
            } else {
                sending
            },
        }
    }
}

/// How long nothing may move.
#[derive(Debug, Clone, Copy)]
struct Allowances {
    /// While the request's body goes out.
    sending: Duration,
    /// Once the server has the whole request.
    waiting: Duration,
}

/// Bytes that count as sent may still lie in the kernel's send buffer, at most 4 MiB by default (tcp_wmem),
/// and it asks for more only once half of that is gone. At 32 KiB/s, slower than which no snapshot would
/// arrive, this is how long it may seem that nothing moves.
fn draining(length: u64) -> Duration {
    const SEND_BUFFER: u64 = 4 * 1024 * 1024;
    const SLOWEST: u64 = 32 * 1024;
    Duration::from_secs(length.min(SEND_BUFFER) / SLOWEST)
}

/// Some servers answer 411 to a POST that does not say it is empty, and the HTTP client does not say it.
fn say_length(request: &mut HttpRequest) {
    let is_empty = request.body().content_length() == Some(0);
    let headers = request.headers();
    if request.method() == "POST" && is_empty && !headers.contains_key("content-length") {
        request.headers_mut().insert("content-length", "0");
    }
}

impl HttpConnector for Watched {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        say_length(&mut request);
        let allowances = self.allowances(&request);
        let progress = Arc::new(Progress::new());
        let body = request.take_body();
        *request.body_mut() = match body.content_length() {
            None | Some(0) => {
                progress.sent_everything();
                body
            }
            Some(length) => SdkBody::from_body_1_x(Outgoing::new(body, length, Arc::clone(&progress))),
        };
        let answer = self.inner.call(request);
        let (timeouts, clock) = (self.timeouts, self.clock.clone());
        HttpConnectorFuture::new(async move {
            let response = tokio::select! {
                response = answer => response?,
                stalled = progress.stalled(allowances) => {
                    return Err(ConnectorError::timeout(stalled.into()));
                }
            };
            clock.note(&response);
            Ok(response.map(|body| SdkBody::from_body_1_x(Incoming::new(body, timeouts.stall))))
        })
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").finish_non_exhaustive()
    }
}
