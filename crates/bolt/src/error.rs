//! What can be wrong with a database.

use crate::page::Flaw;

/// Why a meta page cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MetaFlaw {
    /// Fewer bytes than a meta page has.
    #[error("the meta page is not complete")]
    Short,
    /// The magic number is not bbolt's.
    #[error("neither meta page carries bbolt's magic number")]
    Magic,
    /// The magic number is bbolt's with its bytes reversed.
    #[error("the database was written on a big-endian machine (s390x), which is not supported")]
    BigEndian,
    /// Another version of the format.
    #[error("format version {0} is not supported, only 2 is")]
    Version(u32),
    /// FNV-1a over the record is not what the record says.
    #[error("the checksum of both meta pages is wrong")]
    Checksum,
}

/// Why a file is not a sound bbolt database. Every variant says where, so that it can be looked at with
/// `bbolt page FILE PAGE`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BoltError {
    /// Neither meta page can be used.
    #[error("not a bbolt database: {0}")]
    Meta(#[from] MetaFlaw),
    /// The page size is not a power of two between 1 KiB and [`Limits::page_size`](crate::Limits::page_size).
    #[error("page size {size} is not supported: it must be a power of two from 1024 to {limit}")]
    PageSize {
        /// What the meta page says.
        size: u32,
        /// The largest that is accepted.
        limit: u32,
    },
    /// The two meta pages are sound but contradict each other or themselves.
    #[error("the meta page names {what} {value}, but pages run from 2 to {pages}")]
    MetaOutOfBounds {
        /// Which field.
        what: &'static str,
        /// Its value.
        value: u64,
        /// The high-water mark: the number of pages.
        pages: u64,
    },
    /// More pages than this reader can number (2^32).
    #[error("the meta page claims {pages} pages, more than the 4294967295 that can be read")]
    TooManyPages {
        /// The high-water mark.
        pages: u64,
    },
    /// The file ended before the high-water mark.
    #[error("truncated: {missing} bytes are missing, {got} of {expected} were read")]
    Truncated {
        /// Bytes that were not there.
        missing: u64,
        /// Bytes that were.
        got: u64,
        /// What the meta pages promise.
        expected: u64,
    },
    /// The file ended before the meta pages did, so its size is not known.
    #[error("truncated: only {got} bytes were read, the meta pages are not complete")]
    TruncatedMeta {
        /// Bytes that were there.
        got: u64,
    },
    /// The notes on the database outgrew [`Limits::memory`](crate::Limits::memory).
    #[error("checking this database takes more than the {limit} bytes of memory allowed")]
    Memory {
        /// The limit at the page that was reached.
        limit: u64,
    },
    /// A tree points to a page that does not exist.
    #[error("page {page} is referenced, but pages run from 2 to {pages}")]
    OutOfBounds {
        /// The page.
        page: u64,
        /// The high-water mark.
        pages: u64,
    },
    /// Two places in the trees lead to the same page, or one node runs over into another.
    #[error("page {page} is referenced more than once")]
    ReferencedTwice {
        /// The page.
        page: u64,
    },
    /// A tree points to a page that is neither a branch nor a leaf, or that carries another page's number.
    #[error("page {page} is part of a tree, but is no branch or leaf page")]
    NotANode {
        /// The page.
        page: u64,
    },
    /// A reachable page is malformed.
    #[error("page {page} is malformed: {flaw}")]
    Page {
        /// The page.
        page: u64,
        /// In what way.
        flaw: Flaw,
    },
    /// A key is not between the keys of its ancestors.
    #[error("page {page} has keys outside the range its parent gives it")]
    KeyRange {
        /// The page.
        page: u64,
    },
    /// A tree is deeper than [`Limits::depth`](crate::Limits::depth).
    #[error("page {page} is deeper than {limit} levels")]
    TooDeep {
        /// The page.
        page: u64,
        /// The limit.
        limit: usize,
    },
    /// A bucket inside a bucket. bbolt allows it, etcd has none.
    #[error("page {page} holds a bucket inside a bucket, which is not supported")]
    NestedBucket {
        /// The page.
        page: u64,
    },
    /// A key beside the buckets, which bbolt's interface cannot create.
    #[error("page {page} holds a key outside any bucket")]
    KeyOutsideBucket {
        /// The page.
        page: u64,
    },
    /// The page that should hold the list of free pages does not.
    #[error("page {page} should hold the list of free pages: {why}")]
    Freelist {
        /// The page.
        page: u64,
        /// In what way it does not.
        why: &'static str,
    },
    /// The list of free pages names a page twice.
    #[error("page {page} is listed as free more than once")]
    FreedTwice {
        /// The page.
        page: u64,
    },
    /// A free page is part of a tree.
    #[error("page {page} is part of a tree, but listed as free")]
    ReachableFreed {
        /// The page.
        page: u64,
    },
    /// A page is neither part of a tree nor free.
    #[error("page {page} is neither part of a tree nor listed as free")]
    UnreachableUnfreed {
        /// The page.
        page: u64,
    },
    /// The source failed. Says nothing about the database. Only [`walk`](crate::walk) reads by itself.
    #[error("cannot read page {page}: {why}")]
    Read {
        /// The page.
        page: u64,
        /// What kind of failure.
        kind: std::io::ErrorKind,
        /// What the source said.
        why: String,
    },
    /// The scanner or the walk was used again after an error.
    #[error("an earlier error ended this scan")]
    Ended,
    /// The scanner cannot read its own notes back.
    #[error("internal error: the notes on page {page} cannot be read back")]
    Ledger {
        /// The page.
        page: u64,
    },
}
