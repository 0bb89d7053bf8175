//! How far the server's clock is from ours.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use chrono::{DateTime, Utc};

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

    /// Holds the date of an answer that has just come against our clock. Not against the time in the request's signature: once
    /// the SDK has seen a date that is far from our clock, it signs by that.
    pub(super) fn note(&self, response: &HttpResponse) {
        let date = response.headers().get("date");
        let theirs = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok());
        if let Some(theirs) = theirs {
            let ours = DateTime::<Utc>::from(SystemTime::now());
            self.0
                .store((theirs.to_utc() - ours).num_seconds(), Ordering::Relaxed);
        }
    }
}
