//! Unfinished uploads: finding them and ending them.

use std::collections::HashSet;

use aws_sdk_s3::operation::list_multipart_uploads::ListMultipartUploadsOutput;
use aws_sdk_s3::types::{EncodingType, MultipartUpload};

use super::Bucket;
use super::fault::{Fault, Meaning};
use super::head::time;
use super::list::{decoded, is_encoded, unending};
use crate::object::UploadMeta;
use crate::{Operation, StoreError, key};

/// Key and upload id after which the next page begins.
type Marker = (Option<String>, Option<String>);

pub(super) async fn list(bucket: &Bucket, prefix: &str) -> Result<Vec<UploadMeta>, StoreError> {
    key::check_prefix(prefix)?;
    let mut uploads = Vec::new();
    let mut seen = HashSet::new();
    let mut after: Marker = (None, None);
    loop {
        let output = send(bucket, prefix, &after).await?;
        let encoded = is_encoded(output.encoding_type());
        let page = output
            .uploads()
            .iter()
            .filter_map(|upload| read(bucket, upload, encoded))
            .filter(|upload| upload.key.starts_with(prefix));
        uploads.extend(page);
        if output.is_truncated() != Some(true) {
            break;
        }
        after = next(&output, encoded);
        if after.0.is_none() || !seen.insert(after.clone()) {
            return Err(unending(Operation::ListUploads, prefix));
        }
    }
    uploads.sort_by(|a, b| (&a.key, &a.upload_id).cmp(&(&b.key, &b.upload_id)));
    uploads.dedup_by(|a, b| a.upload_id == b.upload_id && a.key == b.key);
    Ok(uploads)
}

async fn send(
    bucket: &Bucket,
    prefix: &str,
    after: &Marker,
) -> Result<ListMultipartUploadsOutput, StoreError> {
    let full = format!("{}{prefix}", bucket.prefix);
    let attempt = || async {
        let answer = bucket
            .client
            .list_multipart_uploads()
            .bucket(bucket.name())
            .prefix(&full)
            .encoding_type(EncodingType::Url)
            .set_key_marker(after.0.clone())
            .set_upload_id_marker(after.1.clone())
            .send()
            .await;
        answer.map_err(|error| bucket.explain(&error, Operation::ListUploads, prefix))
    };
    bucket.config.retry.run(attempt).await
}

fn next(output: &ListMultipartUploadsOutput, encoded: bool) -> Marker {
    let key = output
        .next_key_marker()
        .and_then(|marker| decoded(marker, encoded));
    (key, output.next_upload_id_marker().map(str::to_owned))
}

fn read(bucket: &Bucket, upload: &MultipartUpload, encoded: bool) -> Option<UploadMeta> {
    let full = decoded(upload.key()?, encoded)?;
    let relative = bucket.relative(&full)?;
    key::check(relative).ok()?;
    Some(UploadMeta {
        key: relative.to_owned(),
        upload_id: upload.upload_id()?.to_owned(),
        initiated: upload.initiated().and_then(time),
    })
}

pub(super) async fn abort(bucket: &Bucket, key: &str, upload_id: &str) -> Result<(), StoreError> {
    let full = bucket.full(key)?;
    let attempt = || async {
        let answer = bucket
            .client
            .abort_multipart_upload()
            .bucket(bucket.name())
            .key(&full)
            .upload_id(upload_id)
            .send()
            .await;
        let Err(error) = answer else { return Ok(()) };
        let fault = Fault::of(&error);
        match fault.meaning() {
            Some(Meaning::NoUpload | Meaning::NoObject) => Ok(()),
            _ => Err(bucket.fault_at(fault, Operation::AbortUpload, key)),
        }
    };
    bucket.config.retry.run(attempt).await
}
