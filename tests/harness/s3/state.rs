//! What the server holds.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use etcd_backup_store::checksum;
use s3s::dto::{ObjectLockMode, ServerSideEncryption, Timestamp};
use s3s::{S3Result, s3_error};

use super::pace::Pace;
use super::quirks::Quirks;

#[derive(Debug)]
pub(super) struct State {
    pub(super) quirks: Quirks,
    pub(super) pace: Option<Pace>,
    name: String,
    bucket: Mutex<Option<Bucket>>,
}

#[derive(Debug, Default)]
pub(super) struct Bucket {
    pub(super) objects: BTreeMap<String, Object>,
    /// Versions that were replaced or deleted, where versions are kept.
    pub(super) history: Vec<(String, Object)>,
    pub(super) uploads: BTreeMap<String, Upload>,
    writes: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) chunks: Vec<Bytes>,
    pub(super) size: u64,
    /// What the server says the checksum is.
    pub(super) crc64nvme: u64,
    pub(super) etag: String,
    pub(super) version: Option<String>,
    pub(super) modified: Timestamp,
    pub(super) traits: Traits,
}

/// What a request says about an object besides its bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct Traits {
    pub(super) metadata: HashMap<String, String>,
    pub(super) lock_mode: Option<ObjectLockMode>,
    pub(super) retain_until: Option<Timestamp>,
    pub(super) encryption: Option<ServerSideEncryption>,
    pub(super) kms_key_id: Option<String>,
    pub(super) storage_class: Option<String>,
}

#[derive(Debug)]
pub(super) struct Upload {
    pub(super) key: String,
    pub(super) initiated: Timestamp,
    pub(super) traits: Traits,
    pub(super) parts: BTreeMap<i32, Part>,
}

#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) chunks: Vec<Bytes>,
    pub(super) size: u64,
    pub(super) crc64nvme: u64,
    pub(super) etag: String,
}

impl State {
    pub(super) fn new(name: &str, quirks: Quirks) -> Self {
        Self {
            pace: quirks.pace.map(Pace::new),
            quirks,
            name: name.to_owned(),
            bucket: Mutex::new(Some(Bucket::default())),
        }
    }

    /// Works on the bucket, if it is the one that is there.
    pub(super) fn with<T>(&self, name: &str, work: impl FnOnce(&mut Bucket) -> S3Result<T>) -> S3Result<T> {
        match self.lock().as_mut() {
            Some(bucket) if name == self.name => work(bucket),
            _ => Err(s3_error!(NoSuchBucket)),
        }
    }

    pub(super) fn contents(&self) -> BTreeMap<String, Bytes> {
        let bucket = self.lock();
        let objects = bucket.iter().flat_map(|bucket| &bucket.objects);
        objects
            .map(|(key, object)| (key.clone(), whole(&object.chunks)))
            .collect()
    }

    pub(super) fn plant(&self, key: &str, body: Bytes) {
        if let Some(bucket) = self.lock().as_mut() {
            let object = Object {
                size: body.len() as u64,
                crc64nvme: checksum::crc64nvme(&body),
                chunks: vec![body],
                etag: String::new(),
                version: None,
                modified: SystemTime::now().into(),
                traits: Traits::default(),
            };
            bucket.store(key, object, &self.quirks);
        }
    }

    pub(super) fn vanish(&self, key: &str) {
        if let Some(bucket) = self.lock().as_mut() {
            bucket.objects.remove(key);
        }
    }

    pub(super) fn open_uploads(&self) -> Vec<String> {
        let bucket = self.lock();
        bucket
            .iter()
            .flat_map(|bucket| bucket.uploads.keys().cloned())
            .collect()
    }

    pub(super) fn remove_bucket(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Bucket>> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bucket {
    /// Stores an object, and gives it a tag and, where versions are kept, a version of its own.
    pub(super) fn store(&mut self, key: &str, mut object: Object, quirks: &Quirks) -> Object {
        object.etag = self.tag();
        if quirks.versioning {
            object.version = Some(format!("v{}", self.writes));
        }
        if let Some(old) = self.objects.insert(key.to_owned(), object.clone()) {
            self.history.push((key.to_owned(), old));
        }
        object
    }

    /// A tag that nothing else has, and that is no hash of anything, as that of AWS under SSE-KMS.
    pub(super) fn tag(&mut self) -> String {
        self.writes += 1;
        format!("{:032x}", self.writes)
    }
}

pub(super) fn whole(chunks: &[Bytes]) -> Bytes {
    let mut all = BytesMut::new();
    for chunk in chunks {
        all.extend_from_slice(chunk);
    }
    all.freeze()
}
