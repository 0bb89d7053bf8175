//! What kind of server this is.

/// How it takes `If-None-Match: *`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conditions {
    /// As AWS: 412 where something is.
    Enforced,
    /// As garage 2.5 on PUT: 200, and replaces.
    Ignored,
    /// 501 to any request that carries one.
    Refused,
}

/// Ways in which servers differ for good, as opposed to a [`Fault`](super::Fault) that passes.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a peculiarity of its own, and any mix occurs"
)]
pub struct Quirks {
    /// On PUT.
    pub put_conditions: Conditions,
    /// On Complete.
    pub complete_conditions: Conditions,
    /// Computes CRC64/NVME, tells it, and refuses a body with another. Older servers ignore all of it.
    pub checksums: bool,
    /// Keeps user metadata.
    pub metadata: bool,
    /// Repeats `encoding-type=url` and follows it.
    pub encodes_keys: bool,
    /// Objects in a page of a listing at most.
    pub page: usize,
    /// Keeps versions: objects get version ids, and old ones are not lost.
    pub versioning: bool,
    /// Forgets bytes and keeps length and checksum, so that throughput of an upload can be measured without
    /// the memory for it. GET answers 501 then.
    pub discard: bool,
    /// Bytes a second that it takes of all bodies together.
    pub pace: Option<u32>,
    /// Smallest size of a part that is not the last.
    pub min_part: u64,
}

impl Default for Quirks {
    /// As AWS.
    fn default() -> Self {
        Self {
            put_conditions: Conditions::Enforced,
            complete_conditions: Conditions::Enforced,
            checksums: true,
            metadata: true,
            encodes_keys: true,
            page: 1000,
            versioning: false,
            discard: false,
            pace: None,
            min_part: 5 * 1024 * 1024,
        }
    }
}
