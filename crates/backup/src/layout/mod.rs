//! Where everything lies in a bucket, and how to tell that a key is ours.
//!
//! ```text
//! <namespace>/<plan>/owner.json
//! <namespace>/<plan>/<etcd cluster id, 16 hex>/<run id>/snapshot.db[.zst][.age]
//! <namespace>/<plan>/<etcd cluster id, 16 hex>/<run id>/manifest.json
//! ```
//!
//! Keys are relative to the store's configured prefix. Every parser here is the exact inverse of the function that made
//! the key: what does not come back byte for byte is not ours, and what is not ours is never counted, changed or deleted.

mod cluster;
mod error;
mod location;
mod plan;
mod run;
#[cfg(test)]
mod tests;

pub use cluster::ClusterId;
pub use error::LayoutError;
pub use location::{Form, Found, Location};
pub use plan::PlanKey;
pub use run::RunId;

/// Name of the object that says who writes below a plan's prefix.
pub const OWNER_FILE: &str = "owner.json";
/// Name of the object without which there is no backup.
pub const MANIFEST_FILE: &str = "manifest.json";
