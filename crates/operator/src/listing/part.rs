//! Which part of a store is a plan's.

/// A plan's part of the store at `location`, ending with `/`.
pub fn part(location: &str, namespace: &str, plan: &str) -> String {
    format!("{}/{namespace}/{plan}/", location.trim_end_matches('/'))
}

/// Whether what has this URL lies in another store, or another part of one, than `location`: its plan was edited since.
pub fn lies_elsewhere(url: &str, location: &str) -> bool {
    // One without a scheme is a key, of which nobody knows the store.
    url.contains("://") && !url.starts_with(location)
}
