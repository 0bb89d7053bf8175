//! What the operator and the agent in the pod of a Job say to each other.
//!
//! The task goes in as JSON in an environment variable and holds no secret: those are mounted as files. The result comes
//! back as the container's termination message, which Kubernetes keeps in the pod's status. In between the agent says on its
//! output how far it is.

mod drill;
mod progress;
mod result;
mod scratch;
mod snapshot;
mod store;
mod task;

pub use drill::{DrillStep, DrillTask, SCRATCH};
pub use progress::{EVERY as PROGRESS_EVERY, Said, Stage};
pub use result::{AgentResult, LONGEST_RESULT};
pub use scratch::ask_scratch;
pub use snapshot::{NotTaken, SnapshotTask, Spool};
pub use store::{StoreAccess, find_pinned, location_of, open_store};
pub use task::{Member, RestoreTask, Step, TASK_VARIABLE, TaskError};

/// Where each Secret is mounted: a directory of its own, named after the Secret, with a file for each key.
pub const SECRETS: &str = "/etc/etcd-backup/secrets";

/// Where the volume or directory with a member's data is mounted.
pub const TARGET: &str = "/target";

/// The file that becomes the container's termination message: Kubernetes' default.
pub const TERMINATION_LOG: &str = "/dev/termination-log";

/// With this exit code the agent says that trying again cannot help: the Job fails at once. Any other failure is tried again.
pub const EXIT_LASTING: i32 = 10;
