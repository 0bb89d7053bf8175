//! The real servers: what is pinned, where they are found, and how they are built.
//!
//! Each folder `tools/<set>` holds a `go.mod` whose `tool` lines name the programs and whose `go.sum` pins every
//! byte they are built from. A program is looked for in this order:
//!
//! 1. `$ETCD_BACKUP_TOOLS/<set>/<program>`: taken as it is,
//! 2. `$KUBEBUILDER_ASSETS/<program>`, where its version fits what is pinned,
//! 3. `PATH`, where its version fits,
//! 4. the user's cache, where [`build`] puts what it builds.

pub mod build;
pub mod cargo_deny;
mod find;
mod machine;
mod pinned;
pub mod protoc;
mod settings;
mod version;

pub use find::{Found, Origin, find, locate};
pub use machine::check_for_pods;
pub use pinned::{Program, Set, set, sets};
