//! Which plans a bucket holds anything of.

use etcd_backup_store::Store;

use super::CatalogueError;
use crate::layout::PlanKey;

/// Every plan that has a folder in `store`, ascending: `<namespace>/<plan>/`. Folders whose names no plan can have are
/// somebody else's and left out.
///
/// A folder alone does not mean that there is a backup in it: see [`list`](super::list).
pub async fn plans(store: &dyn Store) -> Result<Vec<PlanKey>, CatalogueError> {
    let mut plans = Vec::new();
    for namespace in folders(store, "").await? {
        for plan in folders(store, &namespace).await? {
            let names = plan.strip_suffix('/').and_then(|path| path.split_once('/'));
            plans.extend(names.and_then(|(namespace, name)| PlanKey::new(namespace, name).ok()));
        }
    }
    plans.sort();
    Ok(plans)
}

async fn folders(store: &dyn Store, prefix: &str) -> Result<Vec<String>, CatalogueError> {
    store.list_prefixes(prefix).await.map_err(CatalogueError::List)
}
