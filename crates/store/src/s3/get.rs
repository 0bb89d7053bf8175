//! GET, resumed where it breaks off, and never longer or shorter than it should be.

use std::ops::Range;
use std::sync::Arc;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use futures::StreamExt as _;

use super::Bucket;
use super::fault::broken_body;
use super::head::{full_object_crc, time};
use super::range::{ContentRange, header};
use crate::checksum::Crc64;
use crate::error::Cause;
use crate::object::{GetObject, GetRange, ObjectMeta};
use crate::{Context, Operation, StoreError};

/// How often one reading may be taken up again. A multi-gigabyte read over a bad line breaks a few times.
const MAX_RESUMES: u32 = 16;

pub(super) async fn get(bucket: Arc<Bucket>, key: &str, range: GetRange) -> Result<GetObject, StoreError> {
    let full = bucket.full(key)?;
    let source = Source {
        bucket,
        key: key.to_owned(),
        full,
    };
    let opened = source.open(&range).await?;
    let wanted = opened.bytes.clone();
    let reader = Reader {
        crc: range.is_all().then(Crc64::new),
        source,
        meta: opened.meta.clone(),
        at: wanted.start,
        end: wanted.end,
        skip: opened.skip,
        body: Some(opened.body),
        resumes: 0,
    };
    let body = futures::stream::try_unfold(reader, |mut reader| async {
        let chunk = reader.next().await?;
        Ok(chunk.map(|chunk| (chunk, reader)))
    });
    Ok(GetObject {
        meta: opened.meta,
        body: body.boxed(),
    })
}

struct Source {
    bucket: Arc<Bucket>,
    key: String,
    full: String,
}

/// An answer that began well.
struct Opened {
    meta: ObjectMeta,
    /// Which bytes of the object will be yielded.
    bytes: Range<u64>,
    /// Bytes of the body before them: of servers that answer with more than was asked for.
    skip: u64,
    body: ByteStream,
}

impl Source {
    async fn open(&self, range: &GetRange) -> Result<Opened, StoreError> {
        let attempt = || async {
            let answer = self
                .bucket
                .client
                .get_object()
                .bucket(self.bucket.name())
                .key(&self.full)
                .set_range(header(range))
                .set_if_match(range.if_match.clone())
                .customize()
                // By hand: asked for through the SDK, it would check the sum itself, for single answers only.
                .mutate_request(|request| {
                    request.headers_mut().insert("x-amz-checksum-mode", "ENABLED");
                })
                .send()
                .await;
            match answer {
                Ok(output) => self.accept(range, output).await,
                Err(error) => Err(self.bucket.explain(&error, Operation::Get, &self.key)),
            }
        };
        self.bucket.config.retry.run(attempt).await
    }

    /// Checks that the answer is to the question.
    async fn accept(&self, range: &GetRange, output: GetObjectOutput) -> Result<Opened, StoreError> {
        let length = output.content_length().and_then(|n| u64::try_from(n).ok());
        let (size, skip) = match output.content_range() {
            Some(text) => {
                let given = ContentRange::parse(text).ok_or_else(|| self.corrupted("an unreadable range"))?;
                if !given.answers(range, length) {
                    return Err(self.corrupted("another range than was asked for"));
                }
                (given.size, 0)
            }
            // The whole object, asked for or not.
            None => match length {
                Some(length) => (length, range.offset),
                None => (
                    self.bucket.describe(&self.key, Operation::Get).await?.meta.size,
                    range.offset,
                ),
            },
        };
        let bytes = range.within(size);
        let bytes = bytes.ok_or_else(|| GetRange::past_the_end(self.context().boxed()))?;
        Ok(Opened {
            meta: ObjectMeta {
                key: self.key.clone(),
                size,
                last_modified: output.last_modified().and_then(time),
                etag: output.e_tag().map(str::to_owned),
                version_id: output.version_id().map(str::to_owned),
                crc64nvme: full_object_crc(output.checksum_crc64_nvme(), output.checksum_type()),
                lock: None,
            },
            bytes,
            skip,
            body: output.body,
        })
    }

    fn context(&self) -> Context {
        Context::new(Operation::Get).key(&self.key)
    }

    fn corrupted(&self, what: &str) -> StoreError {
        StoreError::Corrupted {
            at: self.context().boxed(),
            why: format!("the store answered with {what}"),
        }
    }
}

/// A reading under way.
struct Reader {
    source: Source,
    meta: ObjectMeta,
    /// The next byte to yield, and the one after the last.
    at: u64,
    end: u64,
    skip: u64,
    body: Option<ByteStream>,
    resumes: u32,
    /// Over everything yielded, when that is the whole object.
    crc: Option<Crc64>,
}

impl Reader {
    async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        loop {
            if self.at == self.end {
                return self.finished();
            }
            let Some(body) = &mut self.body else {
                self.resume().await?;
                continue;
            };
            let broken = match body.next().await {
                Some(Ok(chunk)) => match self.take(chunk) {
                    Some(chunk) => return Ok(Some(chunk)),
                    None => continue,
                },
                Some(Err(error)) => self.broken(broken_body(&error)),
                // Without an error: the promised length was not kept.
                None => self.broken(Ok(Cause::new("the body ended early"))),
            };
            self.body = None;
            self.may_resume(broken).await?;
        }
    }

    /// What of a chunk is wanted.
    fn take(&mut self, mut chunk: Bytes) -> Option<Bytes> {
        let skipped = self.skip.min(chunk.len() as u64);
        self.skip -= skipped;
        let mut chunk = chunk.split_off(skipped as usize);
        let left = self.end - self.at;
        if chunk.len() as u64 > left {
            chunk.truncate(left as usize);
        }
        if chunk.is_empty() {
            return None;
        }
        self.at += chunk.len() as u64;
        if let Some(crc) = &mut self.crc {
            crc.update(&chunk);
        }
        Some(chunk)
    }

    fn finished(&self) -> Result<Option<Bytes>, StoreError> {
        match (&self.crc, self.meta.crc64nvme) {
            (Some(read), Some(stored)) if read.value() != stored => Err(StoreError::Corrupted {
                at: self.source.context().boxed(),
                why: format!(
                    "the bytes read have CRC64/NVME {:016x}, but the store computed {stored:016x} when it \
                     took them",
                    read.value()
                ),
            }),
            _ => Ok(None),
        }
    }

    fn broken(&self, how: Result<Cause, std::time::Duration>) -> StoreError {
        let at = self.source.context().boxed();
        match how {
            Ok(source) => StoreError::Unavailable { at, source },
            Err(after) => StoreError::Timeout { at, after },
        }
    }

    /// Waits before the next attempt, if there may be one.
    async fn may_resume(&mut self, broken: StoreError) -> Result<(), StoreError> {
        // Without a tag, the rest could be another object's.
        if self.meta.etag.is_none() || self.resumes == MAX_RESUMES {
            return Err(broken);
        }
        self.resumes += 1;
        let retry = &self.source.bucket.config.retry;
        let pause = retry.pause(1, &broken).ok_or(broken)?;
        tokio::time::sleep(pause).await;
        Ok(())
    }

    /// Opens the rest, of the same object only.
    async fn resume(&mut self) -> Result<(), StoreError> {
        let rest = GetRange {
            offset: self.at,
            length: Some(self.end - self.at),
            if_match: self.meta.etag.clone(),
        };
        let opened = self.source.open(&rest).await?;
        // Some servers ignore If-Match; the tag in the answer does not lie with it.
        if opened.meta.etag != self.meta.etag || opened.meta.size != self.meta.size {
            return Err(StoreError::Changed {
                at: self.source.context().boxed(),
            });
        }
        self.skip = opened.skip;
        self.body = Some(opened.body);
        Ok(())
    }
}
