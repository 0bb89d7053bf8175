//! Why a cluster cannot be described so.

/// What is wrong with the names, URLs or token given. No message repeats a URL beyond its host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// The text is empty.
    #[error("the initial cluster is empty: give NAME=URL for each member, separated by commas")]
    Empty,
    /// A part without a name or without `=`.
    #[error("part {part} of the initial cluster is not NAME=URL")]
    NotNameAndUrl {
        /// Which, counting from 1.
        part: usize,
    },
    /// A URL that etcd would refuse, or that means nothing to a peer.
    #[error("the peer URL of member `{name}` {flaw}")]
    Url {
        /// The member.
        name: String,
        /// In what way.
        flaw: UrlFlaw,
    },
    /// A URL given twice (`CheckDuplicateURL`).
    #[error("members `{first}` and `{second}` have the same peer URL")]
    DuplicateUrl {
        /// A member that has it.
        first: String,
        /// The other, or the same.
        second: String,
    },
    /// A member to be restored that is not part of the cluster (`hasLocalMember`).
    #[error("member `{name}` is not in the initial cluster, which has {members}")]
    NoSuchMember {
        /// Its name.
        name: String,
        /// Those that are.
        members: String,
    },
    /// The advertised URLs are not those of the initial cluster (`advertiseMatchesCluster`).
    #[error("the advertised peer URLs of member `{name}` are not those that the initial cluster gives it")]
    AdvertisedDiffers {
        /// The member.
        name: String,
    },
    /// Two members with one id, or one with id 0, which raft reserves. Another token gives other ids.
    #[error("members would get an id that is taken or reserved: use another cluster token")]
    IdTaken,
}

/// What is wrong with a peer URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlFlaw {
    /// Neither http, https, unix nor unixs.
    #[error("must begin with http://, https://, unix:// or unixs://")]
    Scheme,
    /// etcd wants `host:port`.
    #[error("must have the form host:port")]
    HostPort,
    /// Something behind the port.
    #[error("must not contain a path, a query or a fragment")]
    Path,
    /// A user's name or password.
    #[error("must not contain a user or password")]
    User,
    /// A character that would have to be escaped.
    #[error("contains a character that does not belong into it")]
    Character,
}
