//! Which snapshots belong to which plan, without looking at all of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use etcd_backup_api::labels;
use kube::ResourceExt;

use super::SnapshotObject;

/// What the index remembers of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its namespace, and its plan's.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID: what a run in the pool is known by.
    pub uid: String,
    /// The plan that it names.
    pub plan: String,
}

impl Key {
    /// The key of an object. One that does not decode is known by its label.
    pub fn of(object: &SnapshotObject) -> Self {
        let plan = match &object.0 {
            Ok(snapshot) => snapshot.spec.backup_name.clone(),
            Err(_) => object.labels().get(labels::PLAN).cloned().unwrap_or_default(),
        };
        Self {
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
            uid: object.uid().unwrap_or_default(),
            plan,
        }
    }
}

#[derive(Debug, Default)]
struct Maps {
    /// namespace → name → (uid, plan)
    by_name: HashMap<String, BTreeMap<String, (String, String)>>,
    /// namespace → plan → names
    by_plan: HashMap<String, HashMap<String, BTreeSet<String>>>,
}

/// An index over the snapshots of one cache.
#[derive(Debug, Default)]
pub struct Index {
    maps: RwLock<Maps>,
}

impl Index {
    /// Remembers a snapshot. Returns the key of another object that had this name before: it is gone.
    pub fn put(&self, key: &Key) -> Option<Key> {
        let mut maps = self.write();
        let before = maps.take(&key.namespace, &key.name);
        maps.insert(key);
        before.filter(|before| before.uid != key.uid)
    }

    /// Forgets a snapshot.
    pub fn remove(&self, key: &Key) {
        self.write().take(&key.namespace, &key.name);
    }

    /// Starts over with `keys`. Returns those that were known and are not among them.
    pub fn replace(&self, keys: &[Key]) -> Vec<Key> {
        let mut fresh = Maps::default();
        for key in keys {
            fresh.insert(key);
        }
        let before = std::mem::replace(&mut *self.write(), fresh);
        let now = self.read();
        before.into_keys().filter(|key| !now.holds(key)).collect()
    }

    /// The names of a plan's snapshots.
    pub fn of_plan(&self, namespace: &str, plan: &str) -> BTreeSet<String> {
        let maps = self.read();
        maps.by_plan
            .get(namespace)
            .and_then(|plans| plans.get(plan))
            .cloned()
            .unwrap_or_default()
    }

    /// The names in a namespace that begin with `prefix`.
    pub fn beginning_with(&self, namespace: &str, prefix: &str) -> BTreeSet<String> {
        let maps = self.read();
        let Some(names) = maps.by_name.get(namespace) else {
            return BTreeSet::new();
        };
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let names = names.range::<str, _>(from).map(|(name, _)| name);
        names
            .take_while(|name| name.starts_with(prefix))
            .cloned()
            .collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, Maps> {
        self.maps.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Maps> {
        self.maps.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Maps {
    fn insert(&mut self, key: &Key) {
        let names = self.by_name.entry(key.namespace.clone()).or_default();
        names.insert(key.name.clone(), (key.uid.clone(), key.plan.clone()));
        let plans = self.by_plan.entry(key.namespace.clone()).or_default();
        plans
            .entry(key.plan.clone())
            .or_default()
            .insert(key.name.clone());
    }

    fn take(&mut self, namespace: &str, name: &str) -> Option<Key> {
        let names = self.by_name.get_mut(namespace)?;
        let (uid, plan) = names.remove(name)?;
        if names.is_empty() {
            self.by_name.remove(namespace);
        }
        if let Some(plans) = self.by_plan.get_mut(namespace) {
            if let Some(children) = plans.get_mut(&plan) {
                children.remove(name);
                if children.is_empty() {
                    plans.remove(&plan);
                }
            }
            if plans.is_empty() {
                self.by_plan.remove(namespace);
            }
        }
        Some(Key {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            uid,
            plan,
        })
    }

    fn holds(&self, key: &Key) -> bool {
        let found = self
            .by_name
            .get(&key.namespace)
            .and_then(|names| names.get(&key.name));
        found.is_some_and(|(uid, _)| *uid == key.uid)
    }

    fn into_keys(self) -> impl Iterator<Item = Key> {
        self.by_name.into_iter().flat_map(|(namespace, names)| {
            names.into_iter().map(move |(name, (uid, plan))| Key {
                namespace: namespace.clone(),
                name,
                uid,
                plan,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, uid: &str, plan: &str) -> Key {
        Key {
            namespace: "ns".into(),
            name: name.into(),
            uid: uid.into(),
            plan: plan.into(),
        }
    }

    fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
        names.into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn snapshots_are_found_by_their_plan_until_they_are_removed() {
        let index = Index::default();
        index.put(&key("a-1", "u1", "a"));
        index.put(&key("b-1", "u2", "b"));
        assert_eq!(index.of_plan("ns", "a"), names(["a-1"]));
        assert_eq!(index.of_plan("elsewhere", "a"), names([]));
        index.remove(&key("a-1", "u1", "a"));
        assert_eq!(index.of_plan("ns", "a"), names([]));
    }

    #[test]
    fn a_snapshot_created_anew_under_the_same_name_shows_the_old_one_gone() {
        let index = Index::default();
        assert_eq!(index.put(&key("a-1", "old", "a")), None);
        assert_eq!(index.put(&key("a-1", "old", "a")), None);
        assert_eq!(index.put(&key("a-1", "new", "a")), Some(key("a-1", "old", "a")));
        assert_eq!(index.of_plan("ns", "a"), names(["a-1"]));
    }

    #[test]
    fn a_new_list_shows_what_vanished_while_nobody_watched() {
        let index = Index::default();
        index.put(&key("stays", "u1", "a"));
        index.put(&key("goes", "u2", "a"));
        index.put(&key("again", "u3", "a"));
        let gone = index.replace(&[
            key("stays", "u1", "a"),
            key("again", "u4", "a"),
            key("new", "u5", "a"),
        ]);
        let mut gone: Vec<_> = gone.into_iter().map(|key| key.uid).collect();
        gone.sort();
        assert_eq!(gone, ["u2", "u3"]);
        assert_eq!(index.of_plan("ns", "a"), names(["again", "new", "stays"]));
    }

    #[test]
    fn names_are_found_by_how_they_begin() {
        let index = Index::default();
        for name in ["prod", "prod-1", "prod-eu-1", "prods-1", "pro-1"] {
            index.put(&key(name, name, "x"));
        }
        assert_eq!(
            index.beginning_with("ns", "prod-"),
            names(["prod-1", "prod-eu-1"])
        );
    }
}
