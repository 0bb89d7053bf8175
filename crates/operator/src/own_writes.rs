//! Our own writes that a cache does not show yet.
//!
//! What is decided from an outdated object and then written is refused by the API server, because every write names the
//! version that it was decided from. A decision that writes nothing is not: seen without the claim that was just
//! written, a run looks like nobody's, and would be cancelled. So an object that is older than our last write to it is
//! not looked at; the watch brings the newer one.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The versions that our last writes made, by the UID of the object, until the cache has them.
#[derive(Debug, Default)]
pub(crate) struct OwnWrites(Mutex<HashMap<String, u64>>);

impl OwnWrites {
    /// The API server answered a write with this resource version.
    pub(crate) fn wrote(&self, uid: &str, version: Option<&str>) {
        if let Some(version) = number(version) {
            let mut awaited = self.lock();
            let newest = awaited.entry(uid.to_owned()).or_default();
            *newest = version.max(*newest);
        }
    }

    /// Whether an object of this version is older than our last write to it.
    pub(crate) fn are_newer_than(&self, uid: &str, version: Option<&str>) -> bool {
        let mut awaited = self.lock();
        let (Some(written), Some(seen)) = (awaited.get(uid), number(version)) else {
            return false;
        };
        if *written > seen {
            return true;
        }
        awaited.remove(uid);
        false
    }

    /// The object is gone.
    pub(crate) fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Resource versions of one kind are numbers that grow, which clients may rely on (Kubernetes' KEP-5504); where one is
/// something else, nothing is known and nothing is held up.
fn number(version: Option<&str>) -> Option<u64> {
    version?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_outdated_until_the_cache_has_our_write() {
        let writes = OwnWrites::default();
        assert!(!writes.are_newer_than("u", Some("9")));
        writes.wrote("u", Some("10"));
        assert!(writes.are_newer_than("u", Some("9")));
        assert!(!writes.are_newer_than("other", Some("9")));
        assert!(!writes.are_newer_than("u", Some("10")));
        assert!(writes.lock().is_empty(), "nothing is kept of what has arrived");
    }

    #[test]
    fn somebody_elses_later_write_shows_ours_too() {
        let writes = OwnWrites::default();
        writes.wrote("u", Some("10"));
        assert!(!writes.are_newer_than("u", Some("12")));
    }

    #[test]
    fn what_is_no_number_holds_nothing_up() {
        let writes = OwnWrites::default();
        writes.wrote("u", Some("abc"));
        writes.wrote("u", None);
        assert!(!writes.are_newer_than("u", Some("9")));
        writes.wrote("u", Some("10"));
        assert!(!writes.are_newer_than("u", None));
    }

    #[test]
    fn an_object_that_is_gone_is_forgotten() {
        let writes = OwnWrites::default();
        writes.wrote("u", Some("10"));
        writes.forget("u");
        assert!(!writes.are_newer_than("u", Some("9")));
    }
}
