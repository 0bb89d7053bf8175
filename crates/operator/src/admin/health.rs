//! Whether the process lives, and whether it can do its work.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, interval};

/// How often the event loop proves that it turns.
const BEAT: Duration = Duration::from_secs(1);

/// How long it may be silent before the process counts as hung. A kubelet kills after three failed probes, so
/// this is generous towards a machine that is merely overloaded.
const SILENCE: Duration = Duration::from_secs(30);

/// One thing that must be true before the operator is ready. The set is closed, so that a check cannot be
/// forgotten: it is not ready until somebody says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// The custom resource definitions are installed and served.
    Definitions,
    /// The cache of plans is filled.
    Plans,
    /// The cache of snapshots is filled.
    Snapshots,
    /// The cache of restores is filled, where they are carried out.
    Restores,
    /// The namespaces that are to be watched are there.
    Namespaces,
}

impl Check {
    const ALL: [Self; 5] = [
        Self::Definitions,
        Self::Plans,
        Self::Snapshots,
        Self::Restores,
        Self::Namespaces,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Definitions => "definitions",
            Self::Plans => "plans",
            Self::Snapshots => "snapshots",
            Self::Restores => "restores",
            Self::Namespaces => "namespaces",
        }
    }
}

/// The process's own judgement of itself. Cheap to clone.
///
/// Readiness says nothing of leadership: a follower with filled caches is ready to take over.
#[derive(Debug, Clone)]
pub struct Health {
    beat: Arc<Mutex<Instant>>,
    checks: Arc<Mutex<BTreeMap<Check, Result<(), String>>>>,
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

impl Health {
    /// Alive, and not ready in any respect.
    pub fn new() -> Self {
        let waiting = Check::ALL.map(|check| (check, Err("not there yet".to_owned())));
        Self {
            beat: Arc::new(Mutex::new(Instant::now())),
            checks: Arc::new(Mutex::new(BTreeMap::from(waiting))),
        }
    }

    /// Beats for as long as the event loop turns. To be spawned once.
    pub async fn keep_beating(self) {
        let mut ticks = interval(BEAT);
        loop {
            ticks.tick().await;
            *self.beat.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        }
    }

    /// This check holds now.
    pub fn ready(&self, check: Check) {
        self.set(check, Ok(()));
    }

    /// This check does not hold, and why. The text is shown on `/readyz`: no secrets.
    pub fn not_ready(&self, check: Check, why: impl Into<String>) {
        self.set(check, Err(why.into()));
    }

    fn set(&self, check: Check, state: Result<(), String>) {
        self.checks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(check, state);
    }

    /// Whether the event loop turned lately.
    pub fn is_alive(&self) -> bool {
        self.beat.lock().unwrap_or_else(PoisonError::into_inner).elapsed() < SILENCE
    }

    /// Whether every check holds, and one line for each in the manner of the API server's own `/readyz?verbose`.
    pub fn report(&self) -> (bool, String) {
        use std::fmt::Write as _;
        let checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        for (check, state) in checks.iter() {
            // Writing into a String cannot fail.
            let _ = match state {
                Ok(()) => writeln!(text, "[+]{} ok", check.as_str()),
                Err(why) => writeln!(text, "[-]{} failed: {why}", check.as_str()),
            };
        }
        (checks.values().all(Result::is_ok), text)
    }
}
