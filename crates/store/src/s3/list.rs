//! ListObjectsV2.

use std::collections::{BTreeSet, HashSet};

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::{EncodingType, Object};

use super::Bucket;
use super::head::time;
use crate::object::{Listing, ObjectMeta};
use crate::{Context, LIST_CAP, Operation, StoreError, key};

pub(super) async fn page(bucket: &Bucket, prefix: &str, after: Option<&str>) -> Result<Listing, StoreError> {
    key::check_prefix(prefix)?;
    let output = send(bucket, prefix, None, after).await?;
    let encoded = is_encoded(output.encoding_type());
    let objects = output
        .contents()
        .iter()
        .filter_map(|object| read(bucket, object, encoded))
        // Of a server that takes the prefix lightly, nothing else is believed.
        .filter(|object| object.key.starts_with(prefix))
        .collect();
    Ok(Listing {
        objects,
        next: next(&output, prefix)?,
    })
}

pub(super) async fn folders(bucket: &Bucket, folder: &str) -> Result<Vec<String>, StoreError> {
    key::check_folder(folder)?;
    let mut folders = BTreeSet::new();
    let mut seen = HashSet::new();
    let mut after: Option<String> = None;
    loop {
        let output = send(bucket, folder, Some("/"), after.as_deref()).await?;
        let encoded = is_encoded(output.encoding_type());
        for common in output.common_prefixes() {
            let full = common.prefix().and_then(|text| decoded(text, encoded));
            let below = full
                .as_deref()
                .and_then(|full| bucket.relative(full))
                .and_then(|relative| key::folder_below(folder, relative));
            folders.extend(below.filter(|below| key::check_folder(below).is_ok()));
        }
        let Some(next) = next(&output, folder)? else {
            return Ok(folders.into_iter().collect());
        };
        if !seen.insert(next.clone()) || folders.len() > LIST_CAP {
            return Err(unending(Operation::List, folder));
        }
        after = Some(next);
    }
}

async fn send(
    bucket: &Bucket,
    prefix: &str,
    delimiter: Option<&str>,
    after: Option<&str>,
) -> Result<ListObjectsV2Output, StoreError> {
    let full = format!("{}{prefix}", bucket.prefix);
    let attempt = || async {
        let answer = bucket
            .client
            .list_objects_v2()
            .bucket(bucket.name())
            .prefix(&full)
            // XML cannot carry every character of a key.
            .encoding_type(EncodingType::Url)
            .set_delimiter(delimiter.map(str::to_owned))
            .set_continuation_token(after.map(str::to_owned))
            .send()
            .await;
        answer.map_err(|error| bucket.explain(&error, Operation::List, prefix))
    };
    bucket.config.retry.run(attempt).await
}

/// The way to the next page. An answer that is cut off without one is no answer.
fn next(output: &ListObjectsV2Output, prefix: &str) -> Result<Option<String>, StoreError> {
    let token = output.next_continuation_token().filter(|token| !token.is_empty());
    match (output.is_truncated(), token) {
        (Some(false), _) | (None, None) => Ok(None),
        (_, Some(token)) => Ok(Some(token.to_owned())),
        (Some(true), None) => Err(StoreError::Corrupted {
            at: Context::new(Operation::List).key(prefix).boxed(),
            why: "the listing is cut off and does not say how to go on".to_owned(),
        }),
    }
}

pub(super) fn unending(operation: Operation, prefix: &str) -> StoreError {
    StoreError::Corrupted {
        at: Context::new(operation).key(prefix).boxed(),
        why: "the listing goes in circles".to_owned(),
    }
}

fn read(bucket: &Bucket, object: &Object, encoded: bool) -> Option<ObjectMeta> {
    let full = decoded(object.key()?, encoded)?;
    let relative = bucket.relative(&full)?;
    // "Folders" of consoles and whatever else could not be a key of ours.
    key::check(relative).ok()?;
    Some(ObjectMeta {
        key: relative.to_owned(),
        size: object.size().and_then(|size| u64::try_from(size).ok())?,
        last_modified: object.last_modified().and_then(time),
        etag: object.e_tag().map(str::to_owned),
        version_id: None,
        crc64nvme: None,
        lock: None,
    })
}

/// Servers that do not know the parameter answer in plain text, and say so by not repeating it.
pub(super) fn is_encoded(encoding: Option<&EncodingType>) -> bool {
    encoding == Some(&EncodingType::Url)
}

/// Undoes the encoding of a form: `+` is a blank, `%41` is a byte. None if it is not UTF-8 then.
pub(super) fn decoded(text: &str, encoded: bool) -> Option<String> {
    if !encoded {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, after @ ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                bytes.push((digit(high)? * 16 + digit(low)?) as u8);
                rest = after;
            }
            (b'%', _) => return None,
            (other, _) => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decoded_as_a_form_is() {
        let decode = |text| decoded(text, true);
        assert_eq!(decode("a+b%2Bc%20d").as_deref(), Some("a b+c d"));
        assert_eq!(decode("%C3%a9/%E2%80%A6").as_deref(), Some("é/…"));
        for broken in ["%", "%4", "%zz", "%ff"] {
            assert_eq!(decode(broken), None, "{broken}");
        }
        assert_eq!(decoded("a+b%2B", false).as_deref(), Some("a+b%2B"));
    }

    #[test]
    fn a_page_cut_off_without_a_continuation_is_an_error() {
        let page = |truncated, token: Option<&str>| {
            let output = ListObjectsV2Output::builder()
                .set_is_truncated(truncated)
                .set_next_continuation_token(token.map(str::to_owned))
                .build();
            next(&output, "p/").map_err(|error| error.reason())
        };
        assert_eq!(page(Some(true), Some("t")), Ok(Some("t".to_owned())));
        assert_eq!(page(None, Some("t")), Ok(Some("t".to_owned())));
        assert_eq!(page(Some(false), Some("t")), Ok(None));
        assert_eq!(page(None, None), Ok(None));
        assert_eq!(page(Some(true), None), Err("Corrupted"));
        assert_eq!(page(Some(true), Some("")), Err("Corrupted"));
    }
}
