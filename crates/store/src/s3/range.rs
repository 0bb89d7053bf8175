//! Ranges as HTTP writes them.

use crate::object::GetRange;

/// The header that asks for a range; none for everything.
pub(super) fn header(range: &GetRange) -> Option<String> {
    if range.is_all() {
        return None;
    }
    let last = match range.length {
        // A length of nothing still asks for a byte: there is no empty range in HTTP.
        Some(length) => (range.offset + length.max(1) - 1).to_string(),
        None => String::new(),
    };
    Some(format!("bytes={}-{last}", range.offset))
}

/// `bytes first-last/size` (RFC 9110, 14.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ContentRange {
    first: u64,
    last: u64,
    pub(super) size: u64,
}

impl ContentRange {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (bytes, size) = text.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = bytes.split_once('-')?;
        let range = Self {
            first: first.parse().ok()?,
            last: last.parse().ok()?,
            size: size.parse().ok()?,
        };
        (range.first <= range.last && range.last < range.size).then_some(range)
    }

    /// Is this the answer to what was asked, in a body of this length?
    pub(super) fn answers(&self, asked: &GetRange, length: Option<u64>) -> bool {
        let wanted_end = asked.length.map_or(self.size, |length| {
            asked.offset.saturating_add(length.max(1)).min(self.size)
        });
        let given = self.last - self.first + 1;
        self.first == asked.offset
            && self.last + 1 == wanted_end
            && length.is_none_or(|length| length == given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_written_as_http_wants_them() {
        assert_eq!(header(&GetRange::all()), None);
        assert_eq!(header(&GetRange::from(5)).as_deref(), Some("bytes=5-"));
        assert_eq!(header(&GetRange::span(0, 10)).as_deref(), Some("bytes=0-9"));
        assert_eq!(header(&GetRange::span(7, 1)).as_deref(), Some("bytes=7-7"));
    }

    #[test]
    fn only_the_range_that_was_asked_for_is_an_answer() {
        let given = |text| ContentRange::parse(text).unwrap();
        let asked = GetRange::span(10, 5);
        assert!(given("bytes 10-14/100").answers(&asked, Some(5)));
        assert!(given("bytes 10-14/100").answers(&asked, None));
        assert!(!given("bytes 10-14/100").answers(&asked, Some(4)));
        assert!(!given("bytes 9-13/100").answers(&asked, Some(5)));
        assert!(!given("bytes 10-15/100").answers(&asked, Some(6)));
        assert!(given("bytes 10-11/12").answers(&asked, Some(2)), "cut by the end");
        assert!(given("bytes 10-99/100").answers(&GetRange::from(10), Some(90)));
        for nonsense in [
            "",
            "bytes */100",
            "bytes 5-4/100",
            "bytes 0-100/100",
            "items 0-1/2",
            "bytes 0-1/*",
        ] {
            assert_eq!(ContentRange::parse(nonsense), None, "{nonsense}");
        }
    }
}
