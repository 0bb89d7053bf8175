//! Which keys are accepted.
//!
//! A key is a relative path of non-empty segments separated by `/`. What is refused is refused for every
//! store alike, so that a backup written to S3 can be copied to a directory: `.` and `..` as segments
//! (a directory would be left), control characters (they break logs and XML), a leading or trailing `/`.

use crate::StoreError;

/// The longest key S3 accepts, in bytes of UTF-8
/// (docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html).
pub const MAX_KEY: usize = 1024;

/// The longest segment: NAME_MAX of the usual file systems.
pub const MAX_SEGMENT: usize = 255;

/// First segment under which a directory keeps what is not yet an object. No key may use it.
pub const RESERVED: &str = ".uploads";

/// Checks a key of one object.
pub fn check(key: &str) -> Result<(), StoreError> {
    if key.is_empty() {
        return refuse(key, "it is empty");
    }
    if key.ends_with('/') {
        return refuse(key, "it ends with '/'");
    }
    check_prefix(key)
}

/// Checks a prefix of keys: as a key, but it may be empty, and its last segment may be unfinished or empty.
pub fn check_prefix(prefix: &str) -> Result<(), StoreError> {
    if prefix.is_empty() {
        return Ok(());
    }
    if prefix.len() > MAX_KEY {
        return refuse(prefix, "it is longer than 1024 bytes");
    }
    if prefix.chars().any(char::is_control) {
        return refuse(prefix, "it contains a control character");
    }
    let whole = prefix.strip_suffix('/').unwrap_or(prefix);
    for segment in whole.split('/') {
        match segment {
            "" => return refuse(prefix, "it contains an empty segment"),
            "." | ".." => return refuse(prefix, "it contains a '.' or '..' segment"),
            long if long.len() > MAX_SEGMENT => {
                return refuse(prefix, "a segment is longer than 255 bytes");
            }
            _ => {}
        }
    }
    if whole.split('/').next() == Some(RESERVED) {
        return refuse(prefix, "its first segment is reserved");
    }
    Ok(())
}

/// Checks a "folder": empty, or a prefix that ends with `/`.
pub fn check_folder(prefix: &str) -> Result<(), StoreError> {
    if !prefix.is_empty() && !prefix.ends_with('/') {
        return refuse(prefix, "a folder ends with '/'");
    }
    check_prefix(prefix)
}

/// The "folder" directly below `folder` in which `key` lies, if it lies in one.
pub(crate) fn folder_below(folder: &str, key: &str) -> Option<String> {
    let rest = key.strip_prefix(folder)?;
    let end = rest.find('/')?;
    Some(format!("{folder}{}/", &rest[..end]))
}

fn refuse(key: &str, why: &'static str) -> Result<(), StoreError> {
    Err(StoreError::InvalidKey {
        key: crate::error::shown_key(key),
        why,
    })
}

/// A name nobody else has, for writers and uploads: 16 hexadecimal digits.
///
/// The standard library seeds its hash maps from the system's randomness, which is all that is needed of
/// a name that must only be different.
pub(crate) fn unique_name() -> String {
    use std::hash::{BuildHasher as _, Hasher as _};
    let seed = std::collections::hash_map::RandomState::new();
    format!("{:016x}", seed.build_hasher().finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_and_odd_keys_are_accepted() {
        for key in [
            "owner.json",
            "ns/plan/0123456789abcdef/20261123T060000Z-abcdefgh/manifest.json",
            "a b+c%20d&e=f/é…/日本",
            "..a/b..",
            ".hidden/x",
        ] {
            assert!(check(key).is_ok(), "{key}");
        }
    }

    #[test]
    fn keys_that_could_leave_the_store_or_break_a_line_are_refused() {
        let long_segment = "x".repeat(256);
        let long = vec!["abc"; 300].join("/");
        for key in [
            "",
            "/",
            "/abs",
            "a/",
            "a//b",
            ".",
            "..",
            "a/../b",
            "../a",
            "a/.",
            "a\nb",
            "a\0b",
            "\u{1b}[2J",
            ".uploads/x",
            ".uploads",
            &long_segment,
            &long,
        ] {
            assert!(
                matches!(check(key), Err(StoreError::InvalidKey { .. })),
                "{key:?}"
            );
        }
    }

    #[test]
    fn the_folder_of_a_key_is_one_segment_deep() {
        assert_eq!(folder_below("", "a/b/c").as_deref(), Some("a/"));
        assert_eq!(folder_below("a/", "a/b/c").as_deref(), Some("a/b/"));
        assert_eq!(folder_below("a/b/", "a/b/c"), None);
        assert_eq!(folder_below("a/", "ab/c"), None);
    }

    #[test]
    fn unique_names_differ() {
        assert_ne!(unique_name(), unique_name());
    }
}
