//! How a store may lie.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use etcd_backup_store::{ObjectMeta, StoreError};

type Rewrite<T> = Option<Arc<dyn Fn(T) -> T + Send + Sync>>;
type Reading = Option<Arc<dyn Fn(&str, Bytes) -> Vec<Result<Bytes, StoreError>> + Send + Sync>>;

/// What a store does other than it says. Nothing by default.
#[derive(Default, Clone)]
pub(crate) struct Lies {
    /// What it keeps of a part.
    pub(crate) part: Rewrite<Bytes>,
    /// What it says of an object: in a HEAD, a GET and when an upload is complete.
    pub(crate) meta: Rewrite<ObjectMeta>,
    /// What it lists.
    pub(crate) listing: Rewrite<Vec<ObjectMeta>>,
    /// Its listing always goes on.
    pub(crate) endless_listing: bool,
    /// What it gives of an object's body, and how it ends.
    pub(crate) reading: Reading,
    /// It says that it deleted, and does not.
    pub(crate) keeps_what_is_deleted: bool,
}

impl Lies {
    pub(crate) fn part(lie: impl Fn(Bytes) -> Bytes + Send + Sync + 'static) -> Self {
        Self {
            part: Some(Arc::new(lie)),
            ..Self::default()
        }
    }

    pub(crate) fn listing(lie: impl Fn(Vec<ObjectMeta>) -> Vec<ObjectMeta> + Send + Sync + 'static) -> Self {
        Self {
            listing: Some(Arc::new(lie)),
            ..Self::default()
        }
    }

    pub(crate) fn reading(
        lie: impl Fn(&str, Bytes) -> Vec<Result<Bytes, StoreError>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            reading: Some(Arc::new(lie)),
            ..Self::default()
        }
    }

    pub(crate) fn and_meta(self, lie: impl Fn(ObjectMeta) -> ObjectMeta + Send + Sync + 'static) -> Self {
        Self {
            meta: Some(Arc::new(lie)),
            ..self
        }
    }

    pub(super) fn tell<T>(lie: Option<&Arc<dyn Fn(T) -> T + Send + Sync>>, truth: T) -> T {
        match lie {
            Some(lie) => lie(truth),
            None => truth,
        }
    }
}

impl fmt::Debug for Lies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lies")
    }
}
