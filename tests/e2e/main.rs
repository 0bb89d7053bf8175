//! End to end: what a user installs, as real pods of a real node.
//!
//! One rig is shared by all cases, each in a namespace of its own; see [`harness::rig`]. Some run at a time, and those that
//! restart the node or change what all depend on run alone, afterwards. `ETCD_BACKUP_KEEP=1` leaves it running after the last one.

mod backups;
mod case;
mod cluster;
mod disaster;
mod drills;
mod etcd;
mod installed;
mod power_cut;
mod progress;
mod removed;
mod restart;
mod restores;
mod rights;
mod static_pod;
mod world;

use std::{env, future::Future, process::ExitCode, sync::LazyLock};

use anyhow::Result;
use harness::rig::enclosure::{self, Enclosure};
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::{runtime::Runtime, sync::RwLock};

use world::World;

/// How many cases run at once: they wait for pods more than they compute, and share one node, which has to stay faster than
/// their patience.
const AT_ONCE: usize = 3;

/// Cases that run beside others read, those that run alone write.
static TURN: RwLock<()> = RwLock::const_new(());

#[expect(clippy::print_stderr, reason = "whoever runs it wants to know")]
fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    if !arguments.list {
        match enclosure::enter() {
            Ok(Enclosure::Inside) => (),
            Ok(Enclosure::Ended(code)) => return code,
            Err(error) => {
                eprintln!("error: {error:#}");
                return ExitCode::FAILURE;
            }
        }
    }
    arguments.test_threads = Some(AT_ONCE);
    let code = libtest_mimic::run(&arguments, trials()).exit_code();
    if env::var_os("ETCD_BACKUP_KEEP").is_some() && !arguments.list {
        eprintln!("The rig goes on. Ctrl-C ends it.");
        loop {
            std::thread::park();
        }
    }
    code
}

fn trials() -> Vec<Trial> {
    vec![
        // The longest first.
        beside(
            "how_far_jobs_are_is_told_while_they_back_up_drill_and_restore",
            progress::of_jobs,
        ),
        beside(
            "a_stateful_set_lost_with_its_volumes_is_brought_back_by_one_etcdrestore",
            restores::a_lost_stateful_set,
        ),
        beside(
            "an_etcd_that_is_a_static_pod_gets_its_directory_of_the_node_back_by_an_etcdrestore",
            static_pod::in_a_directory_of_the_node,
        ),
        beside(
            "a_drill_starts_an_etcd_on_what_it_restored_and_tells_what_is_damaged",
            drills::with_an_etcd,
        ),
        beside(
            "a_stateful_set_is_backed_up_by_a_job_as_it_was",
            backups::by_a_job,
        ),
        beside(
            "a_stateful_set_of_three_members_is_backed_up_as_it_was",
            backups::a_stateful_set,
        ),
        beside(
            "the_api_servers_own_etcd_is_backed_up_from_inside",
            backups::the_api_servers_own_etcd,
        ),
        // It counts processes.
        alone(
            "both_replicas_are_ready_under_the_restricted_profile",
            installed::both_replicas_are_ready,
        ),
        alone(
            "without_the_right_to_secrets_a_plan_says_so_and_to_jobs_a_restore_and_both_go_on_with_it",
            rights::no_secrets_and_no_jobs,
        ),
        alone(
            "a_restore_during_which_the_node_restarts_is_carried_through",
            restores::through_a_node_restart,
        ),
        alone(
            "a_backup_during_which_the_node_restarts_is_ended_honestly_and_the_next_one_is_complete",
            restart::during_a_backup,
        ),
        alone(
            "the_control_plane_lost_with_its_etcd_is_brought_back_from_the_bucket_as_the_document_says",
            disaster::the_control_plane,
        ),
        // Whoever wants to look at something afterwards does not want this.
        alone(
            "an_operator_that_is_removed_as_the_document_says_leaves_the_buckets_and_the_next_one_finds_them",
            removed::and_installed_again,
        )
        .with_ignored_flag(env::var_os("ETCD_BACKUP_KEEP").is_some()),
        // Whoever syncs all disks meanwhile would spoil them.
        without_node(
            "what_nobody_brought_to_the_disk_is_lost_with_the_power",
            || async { power_cut::without_syncing() },
        ),
        without_node("a_restore_that_has_ended_is_there_after_a_power_cut", || async {
            power_cut::of_restores()
        }),
        without_node(
            "a_snapshot_that_was_saved_is_there_after_a_power_cut",
            power_cut::of_saves,
        ),
    ]
}

static RUNTIME: LazyLock<std::io::Result<Runtime>> = LazyLock::new(Runtime::new);

/// Runs a case that needs no node, alone.
fn without_node<F>(name: &str, case: fn() -> F) -> Trial
where
    F: Future<Output = Result<()>> + 'static,
{
    run(name, async move || {
        let _turn = TURN.write().await;
        case().await
    })
}

/// Runs a case in the shared world, beside others.
fn beside<F>(name: &str, case: fn(&'static World) -> F) -> Trial
where
    F: Future<Output = Result<()>> + 'static,
{
    run(name, async move || {
        let _turn = TURN.read().await;
        in_world(case).await
    })
}

/// Runs a case in the shared world, alone.
fn alone<F>(name: &str, case: fn(&'static World) -> F) -> Trial
where
    F: Future<Output = Result<()>> + 'static,
{
    run(name, async move || {
        let _turn = TURN.write().await;
        in_world(case).await
    })
}

/// When it fails, says what is known.
async fn in_world<F>(case: fn(&'static World) -> F) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    let world = World::shared().await?;
    case(world).await.inspect_err(|error| world.explain(error))
}

fn run(name: &str, case: impl AsyncFnOnce() -> Result<()> + Send + 'static) -> Trial {
    Trial::test(name, move || {
        let runtime = RUNTIME.as_ref().map_err(Failed::from)?;
        let end = runtime.block_on(case());
        end.map_err(|error| Failed::from(format!("{error:#}")))
    })
}
