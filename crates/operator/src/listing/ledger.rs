//! From which moment on a listing may be lacking something.
//!
//! Upkeep says when its work ended; a run that ended while it was listing may or may not be in it. Work on one
//! plan never overlaps, so a listing began after the one before it ended, and that is the bound to rely on.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};

#[derive(Debug, Clone, Copy)]
struct Page {
    /// When the newest answer ended.
    last: Option<DateTime<Utc>>,
    /// When the question for it was asked, at the earliest.
    since: DateTime<Utc>,
}

/// Remembers, for each plan's UID, when its answers ended.
#[derive(Debug, Default)]
pub struct Ledger {
    pages: Mutex<HashMap<String, Page>>,
}

impl Ledger {
    /// The store is being asked.
    pub fn asked(&self, plan_uid: &str, now: DateTime<Utc>) {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.entry(plan_uid.to_owned()).or_insert(Page {
            last: None,
            since: now,
        });
    }

    /// Since when the answer that ended at `ended` may be lacking something. `None`: it was asked for before
    /// this ledger began, so nothing is known.
    pub fn since(&self, plan_uid: &str, ended: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let page = pages.get_mut(plan_uid)?;
        if page.last != Some(ended) {
            if let Some(before) = page.last {
                page.since = before;
            }
            page.last = Some(ended);
        }
        Some(page.since)
    }

    /// The plan is gone.
    pub fn forget(&self, plan_uid: &str) {
        self.pages
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(plan_uid);
    }

    /// A new term begins: answers of the old one count for nothing.
    pub fn clear(&self) {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::at;

    #[test]
    fn a_first_answer_counts_from_when_it_was_asked_for() {
        let ledger = Ledger::default();
        assert_eq!(ledger.since("u", at("05:00:00")), None);
        ledger.asked("u", at("05:00:00"));
        ledger.asked("u", at("05:00:30"));
        assert_eq!(ledger.since("u", at("05:01:00")), Some(at("05:00:00")));
        assert_eq!(ledger.since("u", at("05:01:00")), Some(at("05:00:00")));
    }

    #[test]
    fn a_later_answer_counts_from_the_end_of_the_one_before() {
        let ledger = Ledger::default();
        ledger.asked("u", at("05:00:00"));
        ledger.since("u", at("05:01:00"));
        ledger.asked("u", at("05:30:00"));
        assert_eq!(ledger.since("u", at("05:31:00")), Some(at("05:01:00")));
        assert_eq!(ledger.since("u", at("05:31:00")), Some(at("05:01:00")));
    }

    #[test]
    fn a_new_term_starts_with_nothing() {
        let ledger = Ledger::default();
        ledger.asked("u", at("05:00:00"));
        ledger.clear();
        assert_eq!(ledger.since("u", at("05:01:00")), None);
    }
}
