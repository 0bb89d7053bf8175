//! Why a database could not be written.

/// Why a database could not be written. But for [`Write`](Self::Write), the caller gave what bbolt would refuse.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// Not a power of two from 1 KiB to 64 KiB.
    #[error("page size {size} is not supported")]
    PageSize {
        /// What was asked for.
        size: u32,
    },
    /// A key before any bucket.
    #[error("a key was written before any bucket was begun")]
    NoBucket,
    /// Buckets have to come in the order of their names, each once.
    #[error("a bucket's name is not behind that of the bucket before")]
    BucketOrder,
    /// Keys have to come in order, each once.
    #[error("a key is not behind the one before")]
    KeyOrder,
    /// bbolt allows 1 to 32768 bytes (`ErrKeyRequired`, `ErrKeyTooLarge`).
    #[error("a key of {length} bytes, where 1 to 32768 are allowed")]
    KeyLength {
        /// Its bytes.
        length: usize,
    },
    /// bbolt allows 2^31 - 2 bytes (`ErrValueTooLarge`).
    #[error("a value of {length} bytes, where 2147483646 are allowed")]
    ValueLength {
        /// Its bytes.
        length: usize,
    },
    /// More pages than [`Scanner`](crate::Scanner) could number.
    #[error("the database would have {pages} pages, more than 4294967295")]
    TooManyPages {
        /// So far.
        pages: u64,
    },
    /// The sink failed.
    #[error("cannot write the database: {source}")]
    Write {
        /// What it said.
        source: std::io::Error,
    },
}
