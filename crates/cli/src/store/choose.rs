//! Which of a store's backups is meant.

use std::{str::FromStr, sync::Arc};

use chrono::{DateTime, Utc};
use clap::Args;
use etcd_backup_backup::{
    catalogue::{self, Broken, Catalogue, Entry},
    layout::{ClusterId, Location, PlanKey, RunId},
};
use etcd_backup_store::Store;

use super::{Address, StoreFlags, of_catalogue};
use crate::{
    clock,
    exit::{Exit, Failure},
    output::warn,
};

/// For whoever finds nothing in a store: most often it is another.
pub(crate) const WHERE_A_STORE_BEGINS: &str = "the address has the whole prefix, and ends before the plan's namespace: s3://bucket/prefix for \
     s3://bucket/prefix/NAMESPACE/PLAN";

/// Which backup is meant, where the address does not name one: the newest that fits.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Which backup")]
pub(crate) struct Choose {
    /// Of this plan; needed where the store holds backups of several
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = plan)]
    pub(crate) plan: Option<PlanKey>,

    /// Only of this etcd cluster, by its id
    #[arg(long, value_name = "HEX", value_parser = cluster_id)]
    pub(crate) cluster_id: Option<ClusterId>,

    /// Only what was taken at this time or before it
    #[arg(long, value_name = "TIME", value_parser = clock::parse)]
    pub(crate) before: Option<DateTime<Utc>>,

    /// Only this one, by the name of its folder
    #[arg(long, value_name = "RUN", value_parser = RunId::from_str)]
    pub(crate) run: Option<RunId>,
}

/// A backup, and the store it lies in.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) entry: Entry,
}

impl Chosen {
    /// Says what must be known of a backup before it is put to use.
    pub(crate) fn warn(&self) {
        if let Some(warning) = self.entry.degraded_warning() {
            warn(&warning);
        }
    }

    /// The URL of its folder.
    pub(crate) fn url(&self) -> String {
        format!("{}/{}", self.store.location(), self.entry.location)
    }
}

impl Choose {
    /// Opens the store and finds the backup.
    pub(crate) async fn open(
        &self,
        flags: &StoreFlags,
        address: &Address,
        location: Option<&Location>,
    ) -> Result<Chosen, Failure> {
        let store = flags.open(address, None).await?;
        let entry = match location {
            Some(location) => self.exactly(&*store, location).await?,
            None => self.newest(&*store).await?,
        };
        Ok(Chosen { store, entry })
    }

    /// The plans that are meant: the one that was named, or all that there are.
    pub(crate) async fn plans(&self, store: &dyn Store) -> Result<Vec<PlanKey>, Failure> {
        match &self.plan {
            Some(plan) => Ok(vec![plan.clone()]),
            None => catalogue::plans(store)
                .await
                .map_err(|error| of_catalogue(&error)),
        }
    }

    /// What the store holds of a plan, as far as it fits.
    pub(crate) async fn list(&self, store: &dyn Store, plan: &PlanKey) -> Result<Catalogue, Failure> {
        let mut catalogue = catalogue::list(store, plan)
            .await
            .map_err(|error| of_catalogue(&error))?;
        catalogue
            .backups
            .retain(|entry| self.fits(&entry.location, entry.manifest.times.started));
        catalogue
            .broken
            .retain(|broken| self.fits(&broken.location, broken.location.run.started()));
        catalogue
            .orphans
            .retain(|orphan| self.fits(&orphan.location, orphan.location.run.started()));
        Ok(catalogue)
    }

    fn fits(&self, location: &Location, taken: DateTime<Utc>) -> bool {
        self.cluster_id.is_none_or(|id| id == location.cluster)
            && self.run.is_none_or(|run| run == location.run)
            && self.before.is_none_or(|before| taken <= before)
    }

    async fn exactly(&self, store: &dyn Store, location: &Location) -> Result<Entry, Failure> {
        if self.plan.is_some() || self.cluster_id.is_some() || self.before.is_some() || self.run.is_some() {
            return Err(Failure::new(
                Exit::Usage,
                format!("the address names the backup {location} already"),
            )
            .hint("leave out --plan, --cluster-id, --before and --run, or end the address before the plan"));
        }
        let found = catalogue::find(store, location)
            .await
            .map_err(|error| of_catalogue(&error))?;
        match found {
            Some(Ok(entry)) => Ok(entry),
            Some(Err(broken)) => Err(of_broken(&broken)),
            None => Err(Failure::new(
                Exit::NotFound,
                format!("{} holds no backup {location}", store.location()),
            )
            .hint("`etcd-backup list` shows what it holds")),
        }
    }

    async fn newest(&self, store: &dyn Store) -> Result<Entry, Failure> {
        let plan = only(self.plans(store).await?, store)?;
        let catalogue = self.list(store, &plan).await?;
        let now = clock::now();
        if let Some(caution) = catalogue.caution(now) {
            warn(&caution);
        }
        match (catalogue.newest(now), catalogue.broken.last()) {
            (Some(newest), _) => Ok(newest.clone()),
            (None, Some(broken)) => Err(of_broken(broken)),
            (None, None) => Err(Failure::new(
                Exit::NotFound,
                format!("{} holds no backup of {plan} that fits", store.location()),
            )
            .hint("`etcd-backup list` shows what it holds")),
        }
    }
}

fn only(mut plans: Vec<PlanKey>, store: &dyn Store) -> Result<PlanKey, Failure> {
    match (plans.pop(), plans.is_empty()) {
        (Some(plan), true) => Ok(plan),
        (None, _) => Err(
            Failure::new(Exit::NotFound, format!("{} holds no backups", store.location()))
                .hint(WHERE_A_STORE_BEGINS),
        ),
        (Some(last), false) => {
            let names: Vec<_> = plans.iter().chain([&last]).map(ToString::to_string).collect();
            Err(Failure::new(
                Exit::Usage,
                format!("{} holds backups of several plans", store.location()),
            )
            .hint(format!("give --plan, one of {}", names.join(", "))))
        }
    }
}

fn of_broken(broken: &Broken) -> Failure {
    Failure::new(
        Exit::Unsound,
        format!("{} cannot be used: {}", broken.location, broken.reason),
    )
    .hint("`etcd-backup list` shows which others there are")
}

/// A plan as NAMESPACE/NAME.
pub(crate) fn plan(text: &str) -> Result<PlanKey, String> {
    let (namespace, name) = text.split_once('/').ok_or("write NAMESPACE/NAME")?;
    PlanKey::new(namespace, name).map_err(|error| error.to_string())
}

/// With or without zeros in front, as etcdctl leaves them out.
pub(crate) fn cluster_id(text: &str) -> Result<ClusterId, String> {
    ClusterId::from_str(&format!("{text:0>16}"))
        .map_err(|_| "not a cluster id: up to 16 digits 0-9 and a-f".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_id_is_taken_as_etcdctl_prints_it() {
        assert_eq!(
            cluster_id("cdf818194e3a8c32"),
            Ok(ClusterId(0xcdf8_1819_4e3a_8c32))
        );
        assert_eq!(cluster_id("f3"), Ok(ClusterId(0xf3)));
        for wrong in ["xyz", "1cdf818194e3a8c32"] {
            assert!(cluster_id(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_plan_is_a_namespace_and_a_name() {
        assert_eq!(
            plan("prod/main").map(|plan| plan.to_string()),
            Ok("prod/main".to_owned())
        );
        for wrong in ["", "main", "/main", "prod/", "../x", "a/b/c", "Prod/main"] {
            assert!(plan(wrong).is_err(), "{wrong}");
        }
    }
}
