//! Listings of objects and of uploads.

use std::collections::BTreeSet;

use s3s::S3Result;
use s3s::dto::{
    CommonPrefix, ETag, EncodingType, ListMultipartUploadsInput, ListMultipartUploadsOutput,
    ListObjectsV2Input, ListObjectsV2Output, MultipartUpload,
};

use super::fault::{Fault, ListFault};
use super::state::State;

/// A token that is no key, so that nobody can mistake it for one.
const TOKEN: &str = "after/";

pub(super) fn objects(
    state: &State,
    input: ListObjectsV2Input,
    fault: Option<&Fault>,
) -> S3Result<ListObjectsV2Output> {
    let lie = match fault {
        Some(Fault::List(lie)) => Some(lie),
        _ => None,
    };
    let coded = encoder(state, input.encoding_type.as_ref());
    let prefix = match lie {
        Some(ListFault::IgnoresPrefix) => "",
        _ => input.prefix.as_deref().unwrap_or_default(),
    };
    let token = input.continuation_token.as_deref();
    let after = token
        .and_then(|token| token.strip_prefix(TOKEN))
        .or(input.start_after.as_deref())
        .unwrap_or_default();
    let limit = input
        .max_keys
        .and_then(|keys| usize::try_from(keys).ok())
        .unwrap_or(1000)
        .min(state.quirks.page);
    let page = state.with(&input.bucket, |bucket| {
        let keys = bucket.objects.keys().map(String::as_str);
        Ok(Page::cut(keys, prefix, input.delimiter.as_deref(), after, limit))
    })?;
    let contents = state.with(&input.bucket, |bucket| {
        let described = page.keys.iter().filter_map(|key| {
            let object = bucket.objects.get(key)?;
            Some(s3s::dto::Object {
                key: Some(coded(key)),
                size: Some(object.size.cast_signed()),
                e_tag: Some(ETag::Strong(object.etag.clone())),
                last_modified: Some(object.modified.clone()),
                ..Default::default()
            })
        });
        Ok(described.collect::<Vec<_>>())
    })?;
    let mut output = ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: input.prefix.map(|prefix| coded(&prefix)),
        key_count: i32::try_from(contents.len() + page.folders.len()).ok(),
        max_keys: i32::try_from(limit).ok(),
        is_truncated: Some(page.next.is_some()),
        next_continuation_token: page.next.map(|last| format!("{TOKEN}{last}")),
        common_prefixes: Some(
            page.folders
                .iter()
                .map(|folder| CommonPrefix {
                    prefix: Some(coded(folder)),
                })
                .collect(),
        ),
        contents: Some(contents),
        delimiter: input.delimiter,
        encoding_type: input.encoding_type.filter(|_| state.quirks.encodes_keys),
        ..Default::default()
    };
    if let Some(lie) = lie {
        falsify(&mut output, lie);
    }
    Ok(output)
}

/// One page: keys and folders in one ascending order, as S3 counts them.
#[derive(Default)]
struct Page {
    keys: Vec<String>,
    folders: BTreeSet<String>,
    /// The last entry of the page, if there are more.
    next: Option<String>,
}

impl Page {
    fn cut<'a>(
        keys: impl Iterator<Item = &'a str>,
        prefix: &str,
        delimiter: Option<&str>,
        after: &str,
        limit: usize,
    ) -> Self {
        let mut page = Self::default();
        let mut last = String::new();
        for key in keys.filter(|key| key.starts_with(prefix)) {
            let folder = delimiter.and_then(|delimiter| {
                let end = key[prefix.len()..].find(delimiter)? + delimiter.len();
                Some(&key[..prefix.len() + end])
            });
            let entry = folder.unwrap_or(key);
            if entry <= after || page.folders.contains(entry) {
                continue;
            }
            if page.keys.len() + page.folders.len() == limit {
                page.next = Some(last);
                break;
            }
            entry.clone_into(&mut last);
            match folder {
                Some(folder) => {
                    page.folders.insert(folder.to_owned());
                }
                None => page.keys.push(key.to_owned()),
            }
        }
        page
    }
}

fn falsify(output: &mut ListObjectsV2Output, lie: &ListFault) {
    let contents = output.contents.get_or_insert_default();
    match lie {
        ListFault::Misses(part) => {
            contents.retain(|object| !object.key.as_ref().is_some_and(|key| key.contains(part)));
        }
        ListFault::DuplicatesUnsorted => {
            let again = contents.clone();
            contents.extend(again);
            contents.reverse();
        }
        ListFault::Loops => {
            output.is_truncated = Some(true);
            output.next_continuation_token = Some(format!("{TOKEN}again"));
        }
        ListFault::NoContinuation => {
            output.is_truncated = Some(true);
            output.next_continuation_token = None;
        }
        ListFault::Empty => {
            contents.clear();
            output.is_truncated = Some(false);
            output.next_continuation_token = None;
        }
        ListFault::IgnoresPrefix => {}
    }
}

pub(super) fn uploads(
    state: &State,
    input: ListMultipartUploadsInput,
) -> S3Result<ListMultipartUploadsOutput> {
    let coded = encoder(state, input.encoding_type.as_ref());
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let after = (
        input.key_marker.clone().unwrap_or_default(),
        input.upload_id_marker.clone().unwrap_or_default(),
    );
    let mut found: Vec<(String, String, s3s::dto::Timestamp)> = state.with(&input.bucket, |bucket| {
        let uploads = bucket.uploads.iter();
        Ok(uploads
            .filter(|(_, upload)| upload.key.starts_with(prefix))
            .map(|(id, upload)| (upload.key.clone(), id.clone(), upload.initiated.clone()))
            .filter(|(key, id, _)| (key, id) > (&after.0, &after.1))
            .collect())
    })?;
    found.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    let more = found.len() > state.quirks.page;
    found.truncate(state.quirks.page);
    let last = found.last().filter(|_| more).cloned();
    let uploads = found.into_iter().map(|(key, id, initiated)| MultipartUpload {
        key: Some(coded(&key)),
        upload_id: Some(id),
        initiated: Some(initiated),
        ..Default::default()
    });
    Ok(ListMultipartUploadsOutput {
        is_truncated: Some(more),
        next_key_marker: last.as_ref().map(|(key, ..)| coded(key)),
        next_upload_id_marker: last.map(|(_, id, _)| id),
        uploads: Some(uploads.collect()),
        encoding_type: input.encoding_type.filter(|_| state.quirks.encodes_keys),
        bucket: Some(input.bucket),
        ..Default::default()
    })
}

/// How this server writes keys into XML when it is asked to encode them: as a form does, like AWS.
fn encoder(state: &State, asked: Option<&EncodingType>) -> impl Fn(&str) -> String + use<> {
    let follows = state.quirks.encodes_keys && asked.is_some();
    move |key| {
        if !follows {
            return key.to_owned();
        }
        let encoded = key.bytes().map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' | b'/' => {
                char::from(byte).to_string()
            }
            b' ' => "+".to_owned(),
            other => format!("%{other:02X}"),
        });
        encoded.collect()
    }
}
