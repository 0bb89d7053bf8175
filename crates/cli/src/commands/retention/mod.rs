//! `etcd-backup retention`

mod verdicts;

use std::time::Duration;

use chrono_tz::Tz;
use clap::{Args, value_parser};
use etcd_backup_backup::{
    catalogue::{ask_locks, newest_of},
    layout::PlanKey,
    owner,
    retention::{self, Context, Policy},
};

use crate::{
    clock,
    commands::runtime,
    exit::{Exit, Failure},
    interrupt,
    output::{Format, print},
    store::{Address, StoreFlags, of_catalogue, plan},
};

/// Show what a retention policy would keep and remove, and why
///
/// Nothing is removed: that is the operator's work, which runs only right after a success. Pins are known to the operator
/// alone, so a pinned backup may be shown as one that would go.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Retention {
    /// `s3://bucket/prefix`, or a directory
    #[arg(value_name = "STORE", env = "ETCD_BACKUP_STORE")]
    store: Address,

    /// The plan
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = plan)]
    plan: PlanKey,

    /// Required, so that it is seen in every script that nothing is removed
    #[arg(long, required = true)]
    dry_run: bool,

    #[command(flatten)]
    policy: PolicyFlags,

    #[command(flatten)]
    reach: StoreFlags,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Policy")]
struct PolicyFlags {
    /// So many of the newest backups
    #[arg(long, value_name = "COUNT", value_parser = value_parser!(u32).range(1..))]
    keep_last: Option<u32>,
    /// The newest backup of each of so many hours
    #[arg(long, value_name = "COUNT", value_parser = value_parser!(u32).range(1..))]
    keep_hourly: Option<u32>,
    /// The newest backup of each of so many days
    #[arg(long, value_name = "COUNT", value_parser = value_parser!(u32).range(1..))]
    keep_daily: Option<u32>,
    /// The newest backup of each of so many weeks
    #[arg(long, value_name = "COUNT", value_parser = value_parser!(u32).range(1..))]
    keep_weekly: Option<u32>,
    /// The newest backup of each of so many months
    #[arg(long, value_name = "COUNT", value_parser = value_parser!(u32).range(1..))]
    keep_monthly: Option<u32>,
    /// The newest backup of each of so many years
    #[arg(long, value_name = "COUNT", value_parser = value_parser!(u32).range(1..))]
    keep_yearly: Option<u32>,
    /// Nothing that is so much older than the newest, such as 400d
    #[arg(long, value_name = "DURATION", value_parser = days)]
    max_age: Option<Duration>,
    /// Where days and weeks begin
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    time_zone: Tz,
}

const EXAMPLES: &str = "\
Examples:
  etcd-backup retention --dry-run s3://backups/etcd --plan kube-system/prod --keep-last 5 --keep-daily 7
  etcd-backup retention --dry-run s3://backups/etcd --plan kube-system/prod --max-age 30d -o json";

pub(crate) fn run(retention: &Retention, format: Option<Format>) -> Result<(), Failure> {
    let policy = retention.policy.policy()?;
    let threads = runtime()?;
    let (store, catalogue, owner) = threads.block_on(interrupt::unless(async {
        let store = retention.reach.open(&retention.store, None).await?;
        let catalogue = etcd_backup_backup::catalogue::list(&*store, &retention.plan)
            .await
            .map_err(|error| of_catalogue(&error))?;
        let owner = owner::find(&*store, &retention.plan)
            .await
            .map_err(|error| Failure::of(Exit::Storage, &error))?;
        Ok::<_, Failure>((store, catalogue, owner))
    }))?;
    let location = store.location();
    let nobody = owner::Owner {
        kubernetes_cluster_uid: None,
        plan_uid: None,
    };
    let owner = owner.unwrap_or(nobody);
    let now = clock::now();
    let ours = catalogue.backups.iter().filter(|entry| entry.belongs_to(&owner));
    let newest = newest_of(ours, now);
    let Some(generation) = newest.map(|entry| entry.location.cluster) else {
        return Err(Failure::new(
            Exit::NotFound,
            format!(
                "{location} holds no backup of {} by its present owner",
                retention.plan
            ),
        ));
    };
    let context = Context {
        generation,
        now,
        zone: retention.policy.time_zone,
        interval: None,
    };
    let mut candidates: Vec<_> = catalogue
        .backups
        .iter()
        .map(|entry| entry.candidate(&owner, false, false, false))
        .collect();
    let mut plan = retention::plan(&policy, &candidates, &context);
    if !plan.remove.is_empty() {
        threads
            .block_on(ask_locks(&*store, &catalogue, &plan.remove, &mut candidates))
            .map_err(|error| Failure::of(Exit::Storage, &error))?;
        plan = retention::plan(&policy, &candidates, &context);
    }
    let listing = verdicts::listing(location, &retention.plan, &plan, &catalogue, &context);
    print(&listing.show(format)?)?;
    match (plan.hold, format) {
        (Some(hold), None | Some(Format::Table | Format::Wide)) => print(&format!("\n{hold}\n")),
        _ => Ok(()),
    }
}

impl PolicyFlags {
    fn policy(&self) -> Result<Policy, Failure> {
        let policy = Policy {
            keep_last: self.keep_last,
            keep_hourly: self.keep_hourly,
            keep_daily: self.keep_daily,
            keep_weekly: self.keep_weekly,
            keep_monthly: self.keep_monthly,
            keep_yearly: self.keep_yearly,
            max_age: self.max_age,
        };
        policy
            .validate()
            .map_err(|error| Failure::new(Exit::Usage, error))?;
        Ok(policy)
    }
}

/// `30d` besides what etcdctl takes.
fn days(text: &str) -> Result<Duration, String> {
    match text.strip_suffix('d').map(str::parse::<u32>) {
        Some(Ok(days)) => Ok(Duration::from_secs(u64::from(days) * 86_400)),
        _ => crate::go_duration::parse(text)
            .map_err(|_| format!("{text:?} is no duration: write 30d, 12h or 1h30m")),
    }
}
