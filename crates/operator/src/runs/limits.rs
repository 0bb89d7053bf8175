//! The bounds of the pool.

use std::time::Duration;

/// The bounds of the pool.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Runs in this process at the same time.
    pub max_concurrent: usize,
    /// Runs in Jobs at the same time. They cost this process next to nothing: Kubernetes finds room for them.
    pub max_jobs: usize,
    /// How long a run that was asked to stop may take to clean up before it is dropped.
    pub cancel_grace: Duration,
    /// The same for a run in a Job: its pod may take its own grace period.
    pub job_grace: Duration,
    /// The shortest time between two wake-ups because of progress.
    pub progress_every: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_concurrent: 4,
            max_jobs: 32,
            cancel_grace: Duration::from_secs(10),
            job_grace: Duration::from_secs(90),
            progress_every: Duration::from_secs(2),
        }
    }
}
