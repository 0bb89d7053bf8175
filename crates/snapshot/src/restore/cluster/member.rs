//! Ids, and what bucket `members` says of each member.

use serde::Serialize;
use sha1::{Digest, Sha1};

use super::error::ClusterError;
use super::initial::InitialCluster;
use super::url::PeerUrl;

/// A member of the new cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// What etcd would compute for it.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its peer URLs, sorted.
    pub peer_urls: Vec<PeerUrl>,
}

/// The new cluster: its id and its members, in order of their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// What etcd would compute for it.
    pub id: u64,
    /// Its members by ascending id.
    pub members: Vec<Member>,
}

impl Cluster {
    /// Gives everybody an id, as `NewClusterFromURLsMap` does.
    ///
    /// # Errors
    ///
    /// [`ClusterError::IdTaken`].
    pub fn new(initial: &InitialCluster, token: &str) -> Result<Self, ClusterError> {
        let mut members: Vec<Member> = initial
            .members()
            .map(|(name, urls)| Member {
                id: member_id(urls, token),
                name: name.to_owned(),
                peer_urls: urls.to_vec(),
            })
            .collect();
        members.sort_by_key(|member| member.id);
        let twice = members
            .windows(2)
            .any(|pair| matches!(pair, [one, other] if one.id == other.id));
        if twice || members.iter().any(|member| member.id == 0) {
            return Err(ClusterError::IdTaken);
        }
        Ok(Self {
            id: cluster_id(&members),
            members,
        })
    }

    /// How many.
    pub fn size(&self) -> u64 {
        u64::try_from(self.members.len()).unwrap_or(u64::MAX)
    }

    /// The member of that name.
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }
}

/// The first eight bytes of SHA-1 over the sorted URLs and the token (`computeMemberID`; `NewMember` gives no time).
fn member_id(urls: &[PeerUrl], token: &str) -> u64 {
    let mut sha1 = Sha1::new();
    for url in urls {
        sha1.update(url.as_str());
    }
    sha1.update(token);
    first_eight(&sha1.finalize())
}

/// Likewise over the ids of all members (`RaftCluster.genID`).
fn cluster_id(members: &[Member]) -> u64 {
    let mut sha1 = Sha1::new();
    for member in members {
        sha1.update(member.id.to_be_bytes());
    }
    first_eight(&sha1.finalize())
}

fn first_eight(digest: &[u8]) -> u64 {
    digest.first_chunk().copied().map_or(0, u64::from_be_bytes)
}

impl Member {
    /// Its key in bucket `members`: hexadecimal, not padded (`types.ID.String`).
    pub(crate) fn key(&self) -> String {
        format!("{:x}", self.id)
    }

    /// Its value there, and what the log's configuration change carries: `membership.Member` as Go prints it.
    pub(crate) fn json(&self) -> String {
        #[derive(Serialize)]
        struct Json<'a> {
            id: u64,
            #[serde(rename = "peerURLs")]
            peer_urls: Vec<&'a str>,
            name: &'a str,
        }
        go_json(&Json {
            id: self.id,
            peer_urls: self.urls(),
            name: &self.name,
        })
    }

    /// `RaftAttributes` alone, as the old store has them.
    pub(crate) fn raft_attributes_json(&self) -> String {
        #[derive(Serialize)]
        struct Json<'a> {
            #[serde(rename = "peerURLs")]
            peer_urls: Vec<&'a str>,
        }
        go_json(&Json {
            peer_urls: self.urls(),
        })
    }

    fn urls(&self) -> Vec<&str> {
        self.peer_urls.iter().map(PeerUrl::as_str).collect()
    }
}

/// JSON as Go's `encoding/json` has it: also `&`, `<`, `>` and two line separators escaped. They occur inside strings only.
fn go_json(value: &impl Serialize) -> String {
    let plain = serde_json::to_string(value).unwrap_or_default();
    let mut escaped = String::with_capacity(plain.len());
    for character in plain.chars() {
        match character {
            '&' => escaped.push_str("\\u0026"),
            '<' => escaped.push_str("\\u003c"),
            '>' => escaped.push_str("\\u003e"),
            '\u{2028}' => escaped.push_str("\\u2028"),
            '\u{2029}' => escaped.push_str("\\u2029"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What etcdutl made of the fixtures of tests/fixtures/etcd.
    fn fixture() -> Cluster {
        let initial =
            InitialCluster::parse("m0=http://10.0.0.1:2380,m1=http://10.0.0.2:2380,m2=http://10.0.0.3:2380");
        Cluster::new(&initial.unwrap(), "tok1").unwrap()
    }

    #[test]
    fn ids_are_etcds() {
        let cluster = fixture();
        let ids: Vec<_> = cluster
            .members
            .iter()
            .map(|member| (member.key(), member.name.as_str()))
            .collect();
        assert_eq!(
            ids,
            [
                ("a838d9176bf9a9b7".to_owned(), "m2"),
                ("b2bb46060aebd6a9".to_owned(), "m1"),
                ("bcbaf442f02141ce".to_owned(), "m0"),
            ]
        );
        assert_eq!(cluster.id, 0x523c_a253_0b03_46bd);
    }

    #[test]
    fn another_token_gives_other_ids() {
        let initial = InitialCluster::parse("m0=http://10.0.0.1:2380").unwrap();
        let id = |token| Cluster::new(&initial, token).unwrap().id;
        assert_ne!(id("a"), id("b"));
    }

    #[test]
    fn json_is_gos() {
        let json = fixture().member("m2").unwrap().json();
        assert_eq!(
            json,
            r#"{"id":12121677091686689207,"peerURLs":["http://10.0.0.3:2380"],"name":"m2"}"#
        );
        let odd = InitialCluster::new([("a<b>&\u{2028}\"", ["http://x:1"])]).unwrap();
        let json = Cluster::new(&odd, "").unwrap().members[0].json();
        assert!(
            json.ends_with(r#""name":"a\u003cb\u003e\u0026\u2028\""}"#),
            "{json}"
        );
    }
}
