//! A writer of bbolt databases for tests: sound ones of any shape, and pages to spoil them with.
//!
//! Not for production: it holds everything in memory and trusts its caller. Behind the feature `forge`.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::missing_panics_doc,
    reason = "builds test data from what a test says; a slip here shows as a failing test"
)]

mod pages;
mod random;

pub use pages::{branch, freelist, inline_bucket, leaf, meta, page_bucket, seal_meta};
pub use random::Random;

use crate::page::BRANCH;

/// A key and its value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// How to lay out a database.
#[derive(Debug, Clone, Copy)]
pub struct Forge {
    /// Bytes in a page.
    pub page_size: usize,
    /// Where the shape comes from: leaf and branch sizes, the order of pages, what stale pages hold.
    pub seed: u64,
    /// Stale pages to scatter: nodes that nobody refers to, some claiming pages of others as their overflow.
    pub stale: usize,
    /// Keys in a leaf, at most.
    pub leaf_keys: usize,
    /// Write the list of free pages, as bbolt does when not told otherwise.
    pub freelist: bool,
}

impl Default for Forge {
    fn default() -> Self {
        Self {
            page_size: 1024,
            seed: 1,
            stale: 0,
            leaf_keys: 8,
            freelist: false,
        }
    }
}

/// A node before it has a place.
#[derive(Debug, Clone)]
enum Node {
    Leaf(Vec<Pair>),
    Root(Vec<(Vec<u8>, BucketPlan)>),
    Branch(Vec<(Vec<u8>, usize)>),
    /// Bytes that nobody refers to; the number is written into the header when it looks like a node.
    Stale {
        bytes: Vec<u8>,
        numbered: bool,
    },
}

#[derive(Debug, Clone)]
enum BucketPlan {
    Inline(Vec<Pair>),
    Tree(usize),
}

/// A forged database and where its parts are.
#[derive(Debug, Clone)]
pub struct Forged {
    /// The file.
    pub bytes: Vec<u8>,
    /// Page of the root.
    pub root: u64,
    /// Pages that nothing refers to.
    pub free: Vec<u64>,
}

impl Forge {
    /// Writes a database with these buckets, which must be in key order, as must be the pairs in each.
    pub fn database(&self, buckets: &[(&[u8], Vec<Pair>)]) -> Forged {
        let mut random = Random::new(self.seed);
        let mut nodes = Vec::new();
        let mut entries = Vec::new();
        for (name, pairs) in buckets {
            let size: usize = pairs
                .iter()
                .map(|(key, value)| 16 + key.len() + value.len())
                .sum();
            let plan = if size + 32 <= self.page_size / 4 && random.below(4) > 0 {
                BucketPlan::Inline(pairs.clone())
            } else {
                BucketPlan::Tree(self.tree(pairs, &mut nodes, &mut random))
            };
            entries.push((name.to_vec(), plan));
        }
        let root = Self::roots(&entries, &mut nodes, &mut random);
        for _ in 0..self.stale {
            nodes.push(self.stale(&mut random));
        }
        self.place(&nodes, root, &mut random)
    }

    /// Cuts pairs into leaves and stacks branches on them. Returns the root's index in `nodes`.
    fn tree(&self, pairs: &[Pair], nodes: &mut Vec<Node>, random: &mut Random) -> usize {
        let mut level = Vec::new();
        let mut rest = pairs;
        loop {
            let count = (1 + random.below(self.leaf_keys)).min(rest.len());
            let (now, later) = rest.split_at(count);
            nodes.push(Node::Leaf(now.to_vec()));
            level.push((
                now.first().map_or(Vec::new(), |pair| pair.0.clone()),
                nodes.len() - 1,
            ));
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        stack(level, nodes, random)
    }

    /// The tree of buckets: one leaf mostly, sometimes several below a branch.
    fn roots(entries: &[(Vec<u8>, BucketPlan)], nodes: &mut Vec<Node>, random: &mut Random) -> usize {
        let width = if random.below(3) == 0 {
            2
        } else {
            entries.len().max(1)
        };
        let mut level = Vec::new();
        for chunk in entries.chunks(width) {
            nodes.push(Node::Root(chunk.to_vec()));
            level.push((chunk[0].0.clone(), nodes.len() - 1));
        }
        if level.is_empty() {
            nodes.push(Node::Leaf(Vec::new()));
            return nodes.len() - 1;
        }
        stack(level, nodes, random)
    }

    fn stale(&self, random: &mut Random) -> Node {
        let pairs: Vec<Pair> = (0..random.below(4))
            .map(|key| (vec![key as u8, 7], random.bytes(60)))
            .collect();
        match random.below(5) {
            0 => Node::Stale {
                bytes: random.bytes(self.page_size),
                numbered: false,
            },
            1 => Node::Stale {
                bytes: leaf(0, &pairs, self.page_size),
                numbered: true,
            },
            2 => {
                // Claims the pages behind it, where live nodes may be.
                let mut bytes = leaf(0, &pairs, self.page_size);
                bytes[12] = 1 + random.below(5) as u8;
                Node::Stale {
                    bytes,
                    numbered: true,
                }
            }
            3 => {
                let children = vec![
                    (vec![0], random.below(9) as u64),
                    (vec![1], random.below(99) as u64),
                ];
                Node::Stale {
                    bytes: branch(0, &children, self.page_size),
                    numbered: true,
                }
            }
            _ => {
                let mut bytes = random.bytes(self.page_size);
                bytes[8..12].copy_from_slice(&[BRANCH as u8, 0, 200, 0]);
                Node::Stale {
                    bytes,
                    numbered: true,
                }
            }
        }
    }

    /// Gives every node its pages, in an order of the seed's, and writes the file.
    fn place(&self, nodes: &[Node], root: usize, random: &mut Random) -> Forged {
        let mut order: Vec<usize> = (0..nodes.len()).collect();
        random.shuffle(&mut order);
        let mut pages = vec![0_u64; nodes.len()];
        let mut next = 2;
        let (mut free, mut list) = (Vec::new(), None);
        for index in &order {
            pages[*index] = next;
            let count = (self.write(&nodes[*index], &pages, next).len() / self.page_size) as u64;
            if matches!(nodes[*index], Node::Stale { .. }) {
                free.extend(next..next + count);
            }
            next += count;
        }
        let mut bytes = vec![0; 2 * self.page_size];
        for index in order {
            bytes.extend(self.write(&nodes[index], &pages, pages[index]));
        }
        if self.freelist {
            list = Some(next);
            let written = freelist(next, &free, self.page_size);
            next += (written.len() / self.page_size) as u64;
            bytes.extend(written);
        }
        for (page, txid) in [(0, 8), (1, 7)] {
            let at = page * self.page_size;
            let written = meta(page as u64, self.page_size, pages[root], list, next, txid);
            bytes[at..at + self.page_size].copy_from_slice(&written);
        }
        Forged {
            bytes,
            root: pages[root],
            free,
        }
    }

    fn write(&self, node: &Node, pages: &[u64], page: u64) -> Vec<u8> {
        match node {
            Node::Leaf(pairs) => leaf(page, pairs, self.page_size),
            Node::Branch(children) => {
                let children: Vec<(Vec<u8>, u64)> = children
                    .iter()
                    .map(|(key, child)| (key.clone(), pages[*child]))
                    .collect();
                branch(page, &children, self.page_size)
            }
            Node::Root(entries) => {
                let entries: Vec<Pair> = entries
                    .iter()
                    .map(|(name, plan)| match plan {
                        BucketPlan::Inline(pairs) => (name.clone(), inline_bucket(3, pairs)),
                        BucketPlan::Tree(root) => (name.clone(), page_bucket(pages[*root], 5)),
                    })
                    .collect();
                pages::buckets(page, &entries, self.page_size)
            }
            Node::Stale { bytes, numbered } => {
                let mut bytes = bytes.clone();
                if *numbered {
                    bytes[..8].copy_from_slice(&page.to_le_bytes());
                }
                bytes
            }
        }
    }
}

/// Puts branches of two to six children on a level until one node is left.
fn stack(mut level: Vec<(Vec<u8>, usize)>, nodes: &mut Vec<Node>, random: &mut Random) -> usize {
    while level.len() > 1 {
        let mut above = Vec::new();
        let mut rest = level.as_slice();
        while !rest.is_empty() {
            let mut count = (2 + random.below(5)).min(rest.len());
            if rest.len() - count == 1 {
                count += 1;
            }
            let (now, later) = rest.split_at(count);
            nodes.push(Node::Branch(now.to_vec()));
            above.push((now[0].0.clone(), nodes.len() - 1));
            rest = later;
        }
        level = above;
    }
    level[0].1
}
