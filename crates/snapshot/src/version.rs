//! Versions as etcd stores them.

/// Reads a semantic version as `semver.NewVersion` does and gives it back in its normal form; `None` where that fails,
/// which etcdutl takes for "no version".
pub(crate) fn normal(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (rest, metadata) = split_tail(text, '+');
    let (core, pre_release) = split_tail(rest, '-');
    let numbers: Vec<i64> = core.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
    let [major, minor, patch] = numbers.as_slice() else {
        return None;
    };
    Some(format!("{major}.{minor}.{patch}{pre_release}{metadata}"))
}

/// Splits at a separator, which stays with the tail.
fn split_tail(text: &str, separator: char) -> (&str, &str) {
    text.find(separator)
        .and_then(|at| text.split_at_checked(at))
        .unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_etcd_does() {
        assert_eq!(normal(b"3.6.0").as_deref(), Some("3.6.0"));
        assert_eq!(normal(b"3.7.0-alpha.1+git").as_deref(), Some("3.7.0-alpha.1+git"));
        assert_eq!(normal(b"3.6"), None);
        assert_eq!(normal(b""), None);
        assert_eq!(normal(b"\xff"), None);
    }
}
