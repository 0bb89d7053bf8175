//! What a Secret holds, as whoever needs it wants it: bytes, text, PEM. Never a value in an error.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::ByteString;

use crate::connect::Failure;

/// The keys of one Secret as they were at one moment (one resourceVersion): a rotation under way cannot mix an
/// old certificate with a new key.
pub(in crate::connect) struct SecretKeys {
    name: String,
    data: BTreeMap<String, ByteString>,
}

impl fmt::Debug for SecretKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretKeys")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl SecretKeys {
    pub(super) fn new(name: &str, data: BTreeMap<String, ByteString>) -> Self {
        Self {
            name: name.to_owned(),
            data,
        }
    }

    /// The bytes under the first of `keys` that is present: the same thing may go by several names.
    pub(in crate::connect) fn optional(&self, keys: &[&str]) -> Result<Option<Vec<u8>>, Failure> {
        let Some((key, value)) = keys.iter().find_map(|key| Some((*key, self.data.get(*key)?))) else {
            return Ok(None);
        };
        if value.0.is_empty() {
            return Err(self.invalid(key, "is empty"));
        }
        Ok(Some(value.0.clone()))
    }

    /// As [`Self::optional`], and missing is a failure that names the first of `keys`.
    pub(in crate::connect) fn required(&self, keys: &[&str]) -> Result<Vec<u8>, Failure> {
        self.optional(keys)?
            .ok_or_else(|| self.invalid(keys.first().unwrap_or(&""), "is missing"))
    }

    /// Text for a header or a login. One line end is taken off: `echo secret | base64` puts one there, and no
    /// user name, password or key ends with one on purpose.
    pub(in crate::connect) fn text(&self, keys: &[&str]) -> Result<String, Failure> {
        self.as_text(keys, self.required(keys)?)
    }

    /// As [`Self::text`], `None` when there is none.
    pub(in crate::connect) fn optional_text(&self, keys: &[&str]) -> Result<Option<String>, Failure> {
        self.optional(keys)?
            .map(|value| self.as_text(keys, value))
            .transpose()
    }

    fn as_text(&self, keys: &[&str], value: Vec<u8>) -> Result<String, Failure> {
        let key = keys
            .iter()
            .find(|key| self.data.contains_key(**key))
            .copied()
            .unwrap_or_default();
        let text = String::from_utf8(value).map_err(|_| self.invalid(key, "is not UTF-8 text"))?;
        let line = text
            .strip_suffix("\r\n")
            .or_else(|| text.strip_suffix('\n'))
            .unwrap_or(&text);
        if line.is_empty() {
            return Err(self.invalid(key, "is empty"));
        }
        if line.chars().any(char::is_control) {
            return Err(self.invalid(key, "contains control characters"));
        }
        Ok(line.to_owned())
    }

    /// PEM with at least one block of this kind (`CERTIFICATE`, `PRIVATE KEY`). Whether it parses is found out by
    /// whoever uses it; this catches the usual slip, the wrong file.
    pub(in crate::connect) fn pem(&self, key: &str, kind: &str) -> Result<Option<Vec<u8>>, Failure> {
        let Some(value) = self.optional(&[key])? else {
            return Ok(None);
        };
        let marker = format!("{kind}-----");
        let holds = value.split(|byte| *byte == b'\n').any(|line| {
            let line = line.trim_ascii();
            line.starts_with(b"-----BEGIN ") && line.ends_with(marker.as_bytes())
        });
        if holds {
            Ok(Some(value))
        } else {
            Err(self.invalid(key, &format!("holds no PEM block of a {kind}")))
        }
    }

    /// A failure about one key, never with its value.
    pub(in crate::connect) fn invalid(&self, key: &str, problem: &str) -> Failure {
        Failure::transient(
            "SecretInvalid",
            format!("the key {key} of the Secret {} {problem}", self.name),
        )
    }
}
