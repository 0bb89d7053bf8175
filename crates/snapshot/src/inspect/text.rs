//! Bytes of users, as JSON: text where they are text, base64 where not.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// A user's key. In JSON `"key": "..."` when it is UTF-8 and `"keyBase64": "..."` when it is not; as text, bytes that are
/// not printable ASCII or UTF-8 are escaped.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserKey(pub Vec<u8>);

/// A user's value. In JSON `"value"` when it is UTF-8 and `"valueBase64"` when it is not. `Debug` says only its length.
#[derive(Clone, PartialEq, Eq)]
pub struct UserValue(pub Vec<u8>);

impl Serialize for UserKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        one_entry(serializer, "key", "keyBase64", &self.0)
    }
}

impl Serialize for UserValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        one_entry(serializer, "value", "valueBase64", &self.0)
    }
}

fn one_entry<S: Serializer>(
    serializer: S,
    text: &'static str,
    base64: &'static str,
    bytes: &[u8],
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    match std::str::from_utf8(bytes) {
        Ok(value) => map.serialize_entry(text, value)?,
        Err(_) => map.serialize_entry(base64, &STANDARD.encode(bytes))?,
    }
    map.end()
}

impl fmt::Display for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                if character.is_control() {
                    write!(f, "{}", character.escape_default())?;
                } else {
                    write!(f, "{character}")?;
                }
            }
            write!(f, "{}", chunk.invalid().escape_ascii())?;
        }
        Ok(())
    }
}

impl fmt::Debug for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl fmt::Debug for UserValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text_and_the_rest_is_base64() {
        let json = |key: &[u8]| serde_json::to_string(&UserKey(key.to_vec())).unwrap();
        assert_eq!(json("/registry/ä".as_bytes()), r#"{"key":"/registry/ä"}"#);
        assert_eq!(json(b"\xff\0"), r#"{"keyBase64":"/wA="}"#);
        let value = UserValue(b"secret".to_vec());
        assert_eq!(serde_json::to_string(&value).unwrap(), r#"{"value":"secret"}"#);
        assert_eq!(format!("{value:?}"), "6 bytes");
    }

    #[test]
    fn a_key_cannot_play_tricks_on_a_terminal() {
        assert_eq!(UserKey(b"a\x1b[2J\xffb".to_vec()).to_string(), r"a\u{1b}[2J\xffb");
    }
}
