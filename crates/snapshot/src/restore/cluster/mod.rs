//! Who will be in the new cluster: names, peer URLs, and the ids that follow from them.
//!
//! A restored cluster is a new one. Its members get the ids that etcd itself would give them when bootstrapping with the
//! same names, URLs and token, and all of them are voters: a learner of the old cluster comes back as a member that votes,
//! as with etcdutl.

mod error;
mod initial;
mod member;
mod url;

pub use error::ClusterError;
pub use initial::InitialCluster;
pub use member::{Cluster, Member};
pub use url::PeerUrl;
