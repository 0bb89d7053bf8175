//! How far the server's clock is from the one that signs.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use chrono::{DateTime, NaiveDateTime, Utc};

/// Nothing is known yet.
const UNKNOWN: i64 = i64::MIN;

/// The server's clock minus ours in seconds, as of the last answer that carried a date.
#[derive(Debug, Clone)]
pub(in crate::s3) struct ClockOffset(Arc<AtomicI64>);

impl Default for ClockOffset {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(UNKNOWN)))
    }
}

impl ClockOffset {
    pub(in crate::s3) fn seconds(&self) -> Option<i64> {
        let seconds = self.0.load(Ordering::Relaxed);
        (seconds != UNKNOWN).then_some(seconds)
    }

    pub(super) fn note(&self, signed_at: Option<DateTime<Utc>>, response: &HttpResponse) {
        let answered_at = response
            .headers()
            .get("date")
            .and_then(|date| DateTime::parse_from_rfc2822(date).ok());
        if let (Some(ours), Some(theirs)) = (signed_at, answered_at) {
            let offset = theirs.to_utc() - ours;
            self.0.store(offset.num_seconds(), Ordering::Relaxed);
        }
    }
}

/// The time in the request's signature: our clock, without asking it again.
pub(super) fn signed_at(request: &HttpRequest) -> Option<DateTime<Utc>> {
    let stamp = request.headers().get("x-amz-date")?;
    let time = NaiveDateTime::parse_from_str(stamp, "%Y%m%dT%H%M%SZ").ok()?;
    Some(time.and_utc())
}
