//! An object's bytes, resumed when the connection breaks.

use std::sync::Arc;

use bytes::Bytes;
use etcd_backup_store::{Context, GetRange, Operation, Store, StoreError};
use futures::{
    Stream, StreamExt,
    stream::{BoxStream, try_unfold},
};
use tracing::debug;

/// Broken connections survived in a row without a byte between them.
const RESUMES: u32 = 5;

struct Fetch {
    store: Arc<dyn Store>,
    key: String,
    size: u64,
    etag: Option<String>,
    offset: u64,
    body: Option<BoxStream<'static, Result<Bytes, StoreError>>>,
    resumes_left: u32,
}

/// Yields exactly `size` bytes or ends with an error. Reads on where it was after a transient failure, but only of the very
/// same object: pinned by `etag`, or by the one of the first answer. A store without entity tags is not resumed.
pub(super) fn fetch(
    store: Arc<dyn Store>,
    key: String,
    size: u64,
    etag: Option<String>,
) -> impl Stream<Item = Result<Bytes, StoreError>> + Send {
    let fetch = Fetch {
        store,
        key,
        size,
        etag,
        offset: 0,
        body: None,
        resumes_left: RESUMES,
    };
    try_unfold(fetch, async |mut fetch| {
        Ok(fetch.next().await?.map(|bytes| (bytes, fetch)))
    })
}

impl Fetch {
    async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        loop {
            match self.step().await {
                Ok(Some(bytes)) => {
                    self.offset += bytes.len() as u64;
                    self.resumes_left = RESUMES;
                    return if self.offset > self.size {
                        Err(self.wrong("longer"))
                    } else {
                        Ok(Some(bytes))
                    };
                }
                Ok(None) if self.offset == self.size => return Ok(None),
                Ok(None) => return Err(self.wrong("shorter")),
                Err(error) if error.is_transient() && self.etag.is_some() && self.resumes_left > 0 => {
                    debug!(key = self.key, offset = self.offset, %error, "reading is resumed");
                    self.resumes_left -= 1;
                    self.body = None;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn step(&mut self) -> Result<Option<Bytes>, StoreError> {
        if self.offset == self.size && self.offset > 0 && self.body.is_none() {
            return Ok(None);
        }
        let body = if let Some(body) = &mut self.body {
            body
        } else {
            let range = GetRange {
                offset: self.offset,
                length: None,
                if_match: self.etag.clone(),
            };
            let object = self.store.get(&self.key, range).await?;
            if object.meta.size != self.size {
                return Err(self.wrong("longer or shorter"));
            }
            self.etag = self.etag.take().or(object.meta.etag);
            self.body.insert(object.body)
        };
        body.next().await.transpose()
    }

    fn wrong(&self, how: &str) -> StoreError {
        StoreError::Corrupted {
            at: Context::new(Operation::Get).key(&self.key).boxed(),
            why: format!(
                "the object is {how} than the {} bytes that were stored",
                self.size
            ),
        }
    }
}
