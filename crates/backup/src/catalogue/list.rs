//! From a listing to a catalogue.

use std::collections::BTreeMap;

use etcd_backup_store::{GetRange, LIST_CAP, ObjectMeta, Store, list_all};
use futures::{StreamExt, TryStreamExt, stream};

use super::{Broken, BrokenReason, Catalogue, CatalogueError, Entry, Orphan};
use crate::{
    layout::{Form, Found, Location, PlanKey},
    manifest::{MAX_BYTES, Manifest, ManifestError},
};

/// Manifests read at once. At 64 KiB each, their memory is nothing; a store's patience is what bounds it.
const AT_ONCE: usize = 8;

/// What a listing says of one folder.
#[derive(Debug, Default)]
struct Folder {
    has_manifest: bool,
    snapshots: Vec<(Form, ObjectMeta)>,
}

/// What became of a folder with a manifest.
enum Judged {
    Backup(Box<Entry>),
    Broken(Broken),
    /// The listing was stale: there is no manifest (any more).
    NoManifest(Location, Folder),
}

/// Reads what `store` holds of `plan`, of all generations.
///
/// Tolerates a stale listing: a manifest that is listed but gone counts as gone, and a snapshot that is not listed is asked
/// for before its backup is called broken. What a stale listing leaves out is missing here; nothing may be concluded from
/// that.
pub async fn list(store: &dyn Store, plan: &PlanKey) -> Result<Catalogue, CatalogueError> {
    let objects = list_all(store, &plan.prefix(), LIST_CAP)
        .await
        .map_err(CatalogueError::List)?;
    let mut catalogue = Catalogue::default();
    let mut folders: BTreeMap<Location, Folder> = BTreeMap::new();
    for object in objects {
        match plan.recognise(&object.key) {
            Some(Found::Manifest(location)) => folders.entry(location).or_default().has_manifest = true,
            Some(Found::Snapshot(location, form)) => folders
                .entry(location)
                .or_default()
                .snapshots
                .push((form, object)),
            Some(Found::Owner) => {}
            None => catalogue.foreign += 1,
        }
    }
    let (with, without): (Vec<_>, Vec<_>) = folders.into_iter().partition(|(_, folder)| folder.has_manifest);
    let judged: Vec<_> = stream::iter(with)
        .map(|(location, folder)| judge(store, location, folder))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    for (location, folder) in without {
        catalogue.add_orphans(&location, folder);
    }
    for judged in judged {
        match judged {
            Judged::Backup(entry) => catalogue.backups.push(*entry),
            Judged::Broken(broken) => catalogue.broken.push(broken),
            Judged::NoManifest(location, folder) => catalogue.add_orphans(&location, folder),
        }
    }
    catalogue.sort();
    Ok(catalogue)
}

impl Catalogue {
    fn add_orphans(&mut self, location: &Location, folder: Folder) {
        let orphan = |(form, object): (Form, ObjectMeta)| Orphan {
            location: location.clone(),
            form,
            size: object.size,
            written: object.last_modified,
        };
        self.orphans.extend(folder.snapshots.into_iter().map(orphan));
    }

    fn sort(&mut self) {
        self.backups.sort_by_key(|entry| {
            (
                entry.manifest.times.started,
                entry.location.run,
                entry.location.cluster,
            )
        });
        self.broken
            .sort_by_key(|broken| (broken.location.run, broken.location.cluster));
        self.orphans
            .sort_by_key(|orphan| (orphan.location.run, orphan.location.cluster, orphan.form));
    }
}

/// The backup that lies at `location`; `None` if there is no manifest.
pub async fn find(
    store: &dyn Store,
    location: &Location,
) -> Result<Option<Result<Entry, Broken>>, CatalogueError> {
    Ok(match judge(store, location.clone(), Folder::default()).await? {
        Judged::Backup(entry) => Some(Ok(*entry)),
        Judged::Broken(broken) => Some(Err(broken)),
        Judged::NoManifest(..) => None,
    })
}

async fn judge(store: &dyn Store, location: Location, folder: Folder) -> Result<Judged, CatalogueError> {
    let manifest = match read_manifest(store, &location).await? {
        None => return Ok(Judged::NoManifest(location, folder)),
        Some(Ok(manifest)) => manifest,
        Some(Err(error)) => {
            return Ok(Judged::Broken(Broken {
                location,
                reason: error.into(),
            }));
        }
    };
    let form = manifest.object.form();
    let listed = folder
        .snapshots
        .iter()
        .find(|(other, _)| *other == form)
        .map(|(_, object)| object.size);
    // Only what a listing says is missing or wrong is asked for: that is rare, and the answer is what counts.
    let size = match listed {
        Some(size) if size == manifest.object.size => Some(size),
        _ => match store.head(&location.snapshot_key(form)).await {
            Ok(object) => Some(object.size),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(CatalogueError::FindSnapshot(error)),
        },
    };
    let expected = manifest.object.size;
    Ok(match size {
        Some(size) if size == expected => Judged::Backup(Box::new(Entry { location, manifest })),
        Some(actual) => Judged::Broken(Broken {
            location,
            reason: BrokenReason::SnapshotLength { expected, actual },
        }),
        None => Judged::Broken(Broken {
            location,
            reason: BrokenReason::SnapshotMissing,
        }),
    })
}

/// The manifest of a folder; `None` if there is none.
async fn read_manifest(
    store: &dyn Store,
    location: &Location,
) -> Result<Option<Result<Manifest, ManifestError>>, CatalogueError> {
    let object = match store.get(&location.manifest_key(), GetRange::all()).await {
        Ok(object) => object,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(CatalogueError::ReadManifest(error)),
    };
    if object.meta.size > MAX_BYTES as u64 {
        return Ok(Some(Err(ManifestError::TooLarge)));
    }
    let bytes = object
        .bytes(MAX_BYTES)
        .await
        .map_err(CatalogueError::ReadManifest)?;
    Ok(Some(Manifest::parse_at(&bytes, location)))
}
