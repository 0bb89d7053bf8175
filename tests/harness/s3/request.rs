//! What a request asks for, as far as its first line tells.

use hyper::{HeaderMap, Method, Uri};

/// The operations of S3 that a store of ours uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// PutObject.
    Put,
    /// GetObject.
    Get,
    /// HeadObject.
    Head,
    /// DeleteObject.
    Delete,
    /// ListObjectsV2.
    List,
    /// CreateMultipartUpload.
    CreateUpload,
    /// UploadPart.
    UploadPart,
    /// CompleteMultipartUpload.
    CompleteUpload,
    /// AbortMultipartUpload.
    AbortUpload,
    /// ListMultipartUploads.
    ListUploads,
    /// Anything else. A store of ours must never ask for it.
    Other,
}

impl Operation {
    /// Every operation that a store of ours uses.
    pub const USED: [Self; 10] = [
        Self::Put,
        Self::Get,
        Self::Head,
        Self::Delete,
        Self::List,
        Self::CreateUpload,
        Self::UploadPart,
        Self::CompleteUpload,
        Self::AbortUpload,
        Self::ListUploads,
    ];
}

/// A request that was received.
#[derive(Debug, Clone)]
pub struct Seen {
    /// What it asked for.
    pub operation: Operation,
    /// The key, decoded; empty for requests about the bucket.
    pub key: String,
    /// The query as it came.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
}

impl Seen {
    /// A header's value; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(super) fn of(method: &Method, uri: &Uri, headers: &HeaderMap) -> Self {
        let path = uri.path().trim_start_matches('/');
        let key = path.split_once('/').map_or("", |(_, key)| key);
        let query = uri.query().unwrap_or_default();
        Self {
            operation: operation(method, !key.is_empty(), query),
            key: decode(key),
            query: query.to_owned(),
            headers: headers.clone(),
        }
    }
}

fn operation(method: &Method, has_key: bool, query: &str) -> Operation {
    let asks = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    match (method.as_str(), has_key) {
        ("PUT", true) if asks("partNumber") => Operation::UploadPart,
        ("PUT", true) if asks("retention") || asks("tagging") || asks("acl") => Operation::Other,
        ("PUT", true) => Operation::Put,
        ("GET", true) if asks("uploadId") => Operation::Other,
        ("GET", true) => Operation::Get,
        ("HEAD", true) => Operation::Head,
        ("DELETE", true) if asks("uploadId") => Operation::AbortUpload,
        ("DELETE", true) => Operation::Delete,
        ("POST", true) if asks("uploads") => Operation::CreateUpload,
        ("POST", true) if asks("uploadId") => Operation::CompleteUpload,
        ("GET", false) if asks("uploads") => Operation::ListUploads,
        ("GET", false) if asks("list-type") => Operation::List,
        _ => Operation::Other,
    }
}

fn decode(key: &str) -> String {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let hex = tail
            .get(..2)
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
