//! What was asked when something went wrong.

use std::fmt;

/// Which call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Storing an object in one request.
    Put,
    /// Reading an object.
    Get,
    /// Describing an object.
    Head,
    /// Listing objects.
    List,
    /// Removing an object.
    Delete,
    /// Beginning an upload.
    BeginUpload,
    /// Sending a part.
    UploadPart,
    /// Completing an upload.
    CompleteUpload,
    /// Aborting an upload.
    AbortUpload,
    /// Listing unfinished uploads.
    ListUploads,
    /// Opening the store.
    Open,
}

impl Operation {
    /// The word for logs, messages and metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Get => "get",
            Self::Head => "head",
            Self::List => "list",
            Self::Delete => "delete",
            Self::BeginUpload => "begin upload of",
            Self::UploadPart => "upload part of",
            Self::CompleteUpload => "complete upload of",
            Self::AbortUpload => "abort upload of",
            Self::ListUploads => "list uploads",
            Self::Open => "open",
        }
    }
}

/// Longest key shown; the rest is cut.
const SHOWN_KEY: usize = 256;
/// Longest request id shown. AWS's have 16 characters, Ceph's about 60.
const SHOWN_ID: usize = 80;

/// The circumstances of a failure. Everything in it is safe to show: what comes from a server passes
/// through the setters, which keep only harmless characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    operation: Operation,
    key: Option<String>,
    status: Option<u16>,
    code: Option<&'static str>,
    request_id: Option<String>,
}

impl Context {
    /// A failure of this operation.
    pub fn new(operation: Operation) -> Self {
        Self {
            operation,
            key: None,
            status: None,
            code: None,
            request_id: None,
        }
    }

    /// About this key.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.key = Some(shown_key(key));
        self
    }

    /// The store answered with this HTTP status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// The store answered with this error code. Static, so that only codes we know are ever shown.
    #[must_use]
    pub fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// The store's id of the request; dropped if it does not look like one.
    #[must_use]
    pub fn request_id(mut self, id: &str) -> Self {
        let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if !id.is_empty() && id.len() <= SHOWN_ID && id.chars().all(harmless) {
            self.request_id = Some(id.to_owned());
        }
        self
    }

    /// Boxed, as [`StoreError`](crate::StoreError) holds it.
    pub fn boxed(self) -> Box<Self> {
        Box::new(self)
    }

    /// Which call failed.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// The HTTP status, if there was an answer.
    pub fn http_status(&self) -> Option<u16> {
        self.status
    }
}

/// A key fit for a message: at most [`SHOWN_KEY`] bytes, cut at a character.
pub(crate) fn shown_key(key: &str) -> String {
    if key.len() <= SHOWN_KEY {
        return key.to_owned();
    }
    let end = key.floor_char_boundary(SHOWN_KEY);
    format!("{}…", &key[..end])
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.operation.as_str())?;
        if let Some(key) = &self.key {
            write!(f, " {key:?}")?;
        }
        let status = self.status.map(|s| format!("HTTP {s}"));
        let request = self.request_id.as_ref().map(|id| format!("request {id}"));
        let details: Vec<String> = [status, self.code.map(str::to_owned), request]
            .into_iter()
            .flatten()
            .collect();
        if details.is_empty() {
            return Ok(());
        }
        write!(f, " ({})", details.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_that_carries_something_else_is_dropped() {
        let shown = |id: &str| Context::new(Operation::Get).request_id(id).to_string();
        assert_eq!(shown("tx000-a.b_C"), "get (request tx000-a.b_C)");
        assert_eq!(shown("AWS4-HMAC-SHA256 Credential=AKIA/x"), "get");
        assert_eq!(shown(&"a".repeat(81)), "get");
        assert_eq!(shown("a\nb"), "get");
    }

    #[test]
    fn a_long_key_is_cut_at_a_character() {
        let key = "é".repeat(400);
        let shown = shown_key(&key);
        assert!(shown.len() <= SHOWN_KEY + '…'.len_utf8());
        assert!(shown.ends_with('…'));
    }
}
