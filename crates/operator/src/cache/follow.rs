//! The watch that keeps a cache current.

use std::fmt::Debug;
use std::time::Duration;

use futures::{StreamExt, pin_mut};
use kube::api::WatchParams;
use kube::runtime::WatchStreamExt;
use kube::runtime::reflector::Lookup;
use kube::runtime::reflector::store::Writer;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, DefaultBackoff, Event, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::explain::{is_undefined, watch_error};

/// What a watch showed, after the cache has it.
#[derive(Debug)]
pub enum Seen<'a, K> {
    /// An object is new or changed.
    Applied(&'a K),
    /// An object is gone.
    Deleted(&'a K),
    /// Everything was listed afresh; what the cache holds is all there is.
    Listed,
}

/// Why a watch does not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchTrouble {
    /// The API server does not know the kind at all.
    pub undefined: bool,
    /// What is wrong, and what to do about it.
    pub text: String,
}

impl WatchTrouble {
    /// Before the first answer.
    pub fn not_yet() -> Self {
        Self {
            undefined: false,
            text: "not listed yet".to_owned(),
        }
    }
}

/// The longest pause after an error. Kube's is 30 s, and an API server that restarts costs several errors (refused, forbidden
/// until it knows its roles, too old a version): then what is shown would stand still for a minute after it is back.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// Kube's pauses after errors, up to [`LONGEST_PAUSE`].
#[derive(Default)]
struct Pauses(DefaultBackoff);

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.0.next().map(|pause| pause.min(LONGEST_PAUSE))
    }
}

impl Backoff for Pauses {
    fn reset(&mut self) {
        self.0.reset();
    }
}

/// Watches `api` for ever and keeps `writer` current. `trouble` says why it cannot, while it cannot.
///
/// Errors are retried with growing pauses and logged when their text changes, not each time.
pub async fn follow<K>(
    api: Api<K>,
    plural: &str,
    mut writer: Writer<K>,
    trouble: watch::Sender<Option<WatchTrouble>>,
    mut seen: impl FnMut(Seen<'_, K>),
) where
    K: Resource<DynamicType = ()>
        + Lookup<DynamicType = ()>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + 'static,
{
    let events = watcher(api.clone(), watcher::Config::default()).backoff(Pauses::default());
    pin_mut!(events);
    let mut looks = interval(LONGEST_PAUSE);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The list is there and the watch is refused. Once it is not any more, the next event may be long in coming.
    let mut refused = false;
    loop {
        let event = tokio::select! {
            event = events.next() => match event {
                Some(event) => event,
                None => return,
            },
            _ = looks.tick(), if refused => {
                if may_watch(&api).await {
                    refused = false;
                    report(&trouble, plural, None);
                }
                continue;
            }
        };
        refused = matches!(event, Err(watcher::Error::WatchStartFailed(_)));
        match event {
            Ok(event) => {
                let event = stripped(event);
                writer.apply_watcher_event(&event);
                match &event {
                    Event::Apply(object) => seen(Seen::Applied(object)),
                    Event::Delete(object) => seen(Seen::Deleted(object)),
                    Event::InitDone => seen(Seen::Listed),
                    // The beginning and the pages of a list prove nothing yet.
                    Event::Init | Event::InitApply(_) => continue,
                }
                report(&trouble, plural, None);
            }
            Err(error) => {
                let text = watch_error(&error, plural);
                let now = WatchTrouble {
                    undefined: is_undefined(&error),
                    text,
                };
                report(&trouble, plural, Some(now));
            }
        }
    }
}

/// Whether a watch can be begun: one of a name that no object can have, which is told nothing and ends soon.
async fn may_watch<K>(api: &Api<K>) -> bool
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let nothing = WatchParams::default().fields("metadata.name=-").timeout(1);
    api.watch(&nothing, "0").await.is_ok()
}

/// Shows why something is not watched, or that it is, and logs when that changes.
pub(crate) fn report(trouble: &watch::Sender<Option<WatchTrouble>>, plural: &str, now: Option<WatchTrouble>) {
    trouble.send_if_modified(|before| {
        if *before == now {
            return false;
        }
        if let Some(now) = &now {
            warn!(resource = plural, "Not watching: {}", now.text);
        } else {
            info!(resource = plural, "Watching");
        }
        *before = now;
        true
    });
}

/// Where `kubectl apply` keeps the object as it was applied (kubectl/pkg/util/apply.go).
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Drops what nobody here reads and what makes up much of a cached object.
fn stripped<K: Resource>(mut event: Event<K>) -> Event<K> {
    if let Event::Apply(object) | Event::InitApply(object) = &mut event {
        let meta = object.meta_mut();
        meta.managed_fields = None;
        if let Some(annotations) = &mut meta.annotations {
            annotations.remove(LAST_APPLIED);
        }
    }
    event
}

#[cfg(test)]
mod tests {
    use etcd_backup_api::labels;
    use kube::ResourceExt;
    use serde_json::json;

    use super::*;
    use crate::fixtures::plan;

    #[test]
    fn of_what_kubectl_and_the_api_server_note_about_an_object_nothing_is_kept() {
        let plan = plan(json!({"metadata": {
            "annotations": {LAST_APPLIED: "{…}", labels::RUN_NOW: "a"},
            "managedFields": [{"manager": "kubectl", "operation": "Apply"}],
        }}));
        let Event::Apply(kept) = stripped(Event::Apply(plan)) else {
            panic!("it is another event")
        };
        assert!(kept.managed_fields().is_empty());
        let annotations: Vec<_> = kept.annotations().keys().collect();
        assert_eq!(annotations, [labels::RUN_NOW]);
    }

    #[test]
    fn pauses_grow_and_stay_short_enough_to_show_the_truth_soon() {
        let pauses: Vec<_> = Pauses::default().take(12).collect();
        assert!(pauses[0] < LONGEST_PAUSE / 2, "{pauses:?}");
        assert_eq!(pauses[11], LONGEST_PAUSE, "{pauses:?}");
    }
}
