//! A multipart upload from its parts to its end, as every store has it.

use async_trait::async_trait;
use bytes::Bytes;

use super::complete;
use super::upload::S3Upload;
use super::uploads;
use crate::{ObjectMeta, StoreError, Upload, checksum};

#[async_trait]
impl Upload for S3Upload {
    fn part_size(&self) -> usize {
        self.sizes.bytes()
    }

    async fn part(&self, number: u32, body: Bytes) -> Result<(), StoreError> {
        self.sizes.check(number, body.len(), &self.key)?;
        let crc64nvme = checksum::crc64nvme(&body);
        let attempt = || self.send(number, &body, crc64nvme);
        let part = self.bucket.config.retry.run(attempt).await?;
        self.parts().insert(number, part);
        Ok(())
    }

    async fn complete(self: Box<Self>) -> Result<ObjectMeta, StoreError> {
        complete::complete(&self).await
    }

    async fn abort(self: Box<Self>) -> Result<(), StoreError> {
        uploads::abort(&self.bucket, &self.key, &self.upload_id).await
    }

    fn expect(&mut self, bytes: u64) {
        self.sizes = self.sizes.fitting(bytes);
    }
}
