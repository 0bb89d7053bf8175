//! How much a database may cost to read.

/// Bounds on the memory and time that one database may cost. The defaults accept everything that etcd writes with room
/// to spare; a file that exceeds one is refused with an error that names it, never cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest page size, in bytes. bbolt takes the machine's memory page: 4 KiB on most, 16 KiB or 64 KiB on some arm64
    /// and ppc64le machines. Default 64 KiB.
    pub page_size: u32,
    /// Largest node (a page and those it runs over into), in bytes. bbolt does not split a node of four entries or fewer,
    /// so four of the largest values lie side by side: with etcd's default `--max-request-bytes` that is 6 MiB. Nodes that
    /// are still incomplete never hold more than this in all. Default 64 MiB.
    pub node_bytes: u64,
    /// How many nodes may be incomplete at the same page. A sound node overlaps no other; the stale header of a freed one
    /// can. When there are more, the longest is given up, and refused only if it turns out to be reachable. Default 16.
    pub overlapping: usize,
    /// Deepest tree, in levels. With two children a branch, 64 levels hold more keys than a file has bytes. Default 64.
    pub depth: usize,
    /// What the notes on all nodes may take: this many bytes ...
    /// Default 64 MiB; see [`scan`](crate::scan) for what is used in practice.
    pub memory: u64,
    /// ... and this many more for each page read. Default 128.
    pub memory_per_page: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            page_size: 64 << 10,
            node_bytes: 64 << 20,
            overlapping: 16,
            depth: 64,
            memory: 64 << 20,
            memory_per_page: 128,
        }
    }
}
