//! The snapshot file, which etcd up to 3.6 needs and later ones leave alone.
//!
//! Its payload is the old key-value store of etcd 2 in JSON. Only the members in it matter: up to 3.5 they are who the
//! cluster is made of. etcdutl's also holds statistics and an empty history of 1000 places, in an order that differs from
//! run to run; no version needs them, and they are left out.

use serde::Serialize;
use std::collections::BTreeMap;

use super::TERM;
use super::log::conf_state;
use crate::crc32c;
use crate::restore::cluster::Cluster;
use crate::restore::proto::{Fields, Message};

/// The file's name: term and index (`snap.Snapshotter.save`).
pub(crate) fn snapshot_name(cluster: &Cluster) -> String {
    format!("{TERM:016x}-{:016x}.snap", cluster.size())
}

/// The whole file: `snappb.Snapshot` around `raftpb.Snapshot` around the old store.
pub(crate) fn snapshot_file(cluster: &Cluster) -> Vec<u8> {
    let metadata = Message::default()
        .bytes(1, &conf_state(cluster))
        .number(2, cluster.size())
        .number(3, TERM);
    let snapshot = Message::default()
        .bytes(1, store(cluster).as_bytes())
        .bytes(2, &metadata.finish())
        .finish();
    Message::default()
        .number(1, u64::from(crc32c::checksum(&snapshot)))
        .bytes(2, &snapshot)
        .finish()
}

/// What a snapshot file says: index, term, voters. `None` when its checksum is wrong or it makes no sense.
pub(crate) fn read_snapshot_file(bytes: &[u8]) -> Option<(u64, u64, Vec<u64>)> {
    let outer = Fields::parse(bytes)?;
    let snapshot = outer.bytes(2);
    if outer.number(1) != u64::from(crc32c::checksum(snapshot)) {
        return None;
    }
    let metadata = Fields::parse(Fields::parse(snapshot)?.bytes(2))?;
    let voters = Fields::parse(metadata.bytes(1))?.numbers(1);
    Some((metadata.number(2), metadata.number(3), voters))
}

/// A node of the old store (`v2store/node.go`).
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Node {
    path: String,
    created_index: u64,
    modified_index: u64,
    expire_time: &'static str,
    value: String,
    children: Option<BTreeMap<String, Node>>,
}

/// Go's zero time: the node stays for ever.
const NEVER: &str = "0001-01-01T00:00:00Z";

impl Node {
    fn directory(path: &str, index: u64, children: impl IntoIterator<Item = (String, Node)>) -> Self {
        Self {
            path: path.to_owned(),
            created_index: index,
            modified_index: index,
            expire_time: NEVER,
            value: String::new(),
            children: Some(children.into_iter().collect()),
        }
    }

    fn value(path: &str, index: u64, value: String) -> Self {
        Self {
            value,
            children: None,
            ..Self::directory(path, index, [])
        }
    }
}

/// The old store after the members were added (`membership.RaftCluster.AddMember`): `/0` is etcd's own, `/1` the users'.
fn store(cluster: &Cluster) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Store {
        root: Node,
        current_index: u64,
        current_version: u64,
    }
    let members = cluster.members.iter().zip(1..).map(|(member, index)| {
        let key = member.key();
        let path = format!("/0/members/{key}");
        let attributes = format!("{path}/raftAttributes");
        let value = Node::value(&attributes, index, member.raft_attributes_json());
        let children = [("raftAttributes".to_owned(), value)];
        (key, Node::directory(&path, index, children))
    });
    let members = Node::directory("/0/members", 1, members);
    let ours = Node::directory("/0", 0, [("members".to_owned(), members)]);
    let theirs = Node::directory("/1", 0, []);
    let root = Node::directory("/", 0, [("0".to_owned(), ours), ("1".to_owned(), theirs)]);
    let store = Store {
        root,
        current_index: cluster.size(),
        current_version: 2,
    };
    serde_json::to_string(&store).unwrap_or_default()
}
