//! A whole listing out of pages.

use std::collections::{BTreeMap, HashSet};

use crate::{Context, ObjectMeta, Operation, Store, StoreError};

/// A sensible cap for [`list_all`]: a plan that keeps a snapshot an hour for a century stays below.
pub const LIST_CAP: usize = 1_000_000;

/// Every object whose key starts with `prefix`, ascending by key, each once.
///
/// Tolerates pages that are unsorted or repeat objects (of two answers about one key the later counts).
///
/// # Errors
/// [`StoreError::Corrupted`] when the listing does not end: the same continuation twice, or more than
/// `cap` objects. Then nothing is known, and nothing may be deleted on the strength of it.
pub async fn list_all(store: &dyn Store, prefix: &str, cap: usize) -> Result<Vec<ObjectMeta>, StoreError> {
    let mut objects = BTreeMap::new();
    let mut seen = HashSet::new();
    let mut after: Option<String> = None;
    loop {
        let page = store.list(prefix, after.as_deref()).await?;
        for object in page.objects {
            objects.insert(object.key.clone(), object);
        }
        if objects.len() > cap {
            return Err(endless(prefix, format!("the listing exceeds {cap} objects")));
        }
        let Some(next) = page.next else {
            return Ok(objects.into_values().collect());
        };
        if !seen.insert(next.clone()) {
            return Err(endless(
                prefix,
                "the listing goes in circles: the same continuation came twice".to_owned(),
            ));
        }
        after = Some(next);
    }
}

fn endless(prefix: &str, why: String) -> StoreError {
    StoreError::Corrupted {
        at: Context::new(Operation::List).key(prefix).boxed(),
        why,
    }
}
