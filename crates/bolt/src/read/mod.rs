//! A database in memory, read by following its pointers.
//!
//! Holds every page at once and keeps no notes: simple enough to be believed. It is the oracle that the
//! [scanner](crate::scan) and the [walk](crate::walk) are tested against, and proves the same things as they do. For
//! anything else use the walk, which needs a node a level and not the file.

use std::collections::BTreeSet;

use crate::error::{BoltError, MetaFlaw};
use crate::limits::Limits;
use crate::little_endian;
use crate::meta::{META_END, Meta, SMALLEST_PAGE, check_page_size};
use crate::page::{BRANCH, Branch, FREELIST, Flaw, HEADER, Header, Item, LEAF, Leaf};

/// A database whose meta pages were found sound.
#[derive(Debug, Clone, Copy)]
pub struct Database<'a> {
    bytes: &'a [u8],
    meta: Meta,
    depth: usize,
}

/// One bucket with everything in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketItems<'a> {
    /// The bucket's name.
    pub name: &'a [u8],
    /// The bucket's own counter.
    pub sequence: u64,
    /// Keys and values in key order.
    pub items: Vec<Item<'a>>,
}

impl<'a> Database<'a> {
    /// Reads the meta pages. `bytes` may be longer than the database.
    pub fn open(bytes: &'a [u8], limits: &Limits) -> Result<Self, BoltError> {
        let meta = find_meta(bytes, limits)?;
        meta.check(limits)?;
        let got = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let expected = meta.database_bytes();
        if got < expected {
            return Err(BoltError::Truncated {
                missing: expected.saturating_sub(got),
                got,
                expected,
            });
        }
        Ok(Self {
            bytes,
            meta,
            depth: limits.depth,
        })
    }

    /// The meta page in force.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Proves the structure and returns everything.
    pub fn load(&self) -> Result<Vec<BucketItems<'a>>, BoltError> {
        let mut walk = Walk {
            database: self,
            reached: BTreeSet::new(),
        };
        let mut names = Vec::new();
        walk.node(
            self.meta.root,
            &Range::default(),
            self.depth,
            &mut |page, leaf| {
                if leaf.count() > 0 && !leaf.holds_buckets() {
                    return Err(BoltError::KeyOutsideBucket { page });
                }
                names.extend(leaf.items().map(|item| (page, item)));
                Ok(())
            },
        )?;
        let mut buckets = Vec::new();
        for (page, item) in names {
            let flawed = |flaw| BoltError::Page { page, flaw };
            let bucket = item.bucket().map_err(flawed)?;
            let mut items = Vec::new();
            if bucket.root == 0 {
                items.extend(bucket.leaf().map_err(flawed)?.items());
            } else {
                walk.node(bucket.root, &Range::default(), self.depth, &mut |page, leaf| {
                    if leaf.holds_buckets() {
                        return Err(BoltError::NestedBucket { page });
                    }
                    items.extend(leaf.items());
                    Ok(())
                })?;
            }
            buckets.push(BucketItems {
                name: item.key,
                sequence: bucket.sequence,
                items,
            });
        }
        self.check_freelist(&mut walk.reached)?;
        Ok(buckets)
    }

    /// A node with its overflow pages.
    fn bytes_of(&self, page: u64, pages: u64) -> Option<&'a [u8]> {
        let last = page.checked_add(pages)?;
        let size = u64::from(self.meta.page_size);
        let start = usize::try_from(page.checked_mul(size)?).ok()?;
        let end = usize::try_from(last.checked_mul(size)?).ok()?;
        self.bytes.get(start..end).filter(|_| last <= self.meta.pages)
    }

    fn check_freelist(&self, reached: &mut BTreeSet<u64>) -> Result<(), BoltError> {
        let Some(page) = self.meta.freelist else {
            return Ok(());
        };
        let wrong = |why| BoltError::Freelist { page, why };
        let first = self.bytes_of(page, 1).ok_or(wrong("it does not exist"))?;
        let header = Header::parse(first).ok_or(wrong("it is too short"))?;
        if header.flags != FREELIST || header.id != page {
            return Err(wrong("it is no freelist page"));
        }
        let node = self
            .bytes_of(page, header.pages())
            .ok_or(wrong("it runs over the end of the database"))?;
        let words = node.get(HEADER..).unwrap_or_default().as_chunks::<8>().0;
        let mut numbers = words.iter().filter_map(|word| little_endian::u64(word, 0));
        let count = if header.count == 0xFFFF {
            numbers.next()
        } else {
            Some(u64::from(header.count))
        };
        let count = count
            .and_then(|count| usize::try_from(count).ok())
            .unwrap_or(usize::MAX);
        let listed: Vec<u64> = numbers.take(count).collect();
        if listed.len() != count {
            return Err(wrong("it holds fewer page numbers than it counts"));
        }
        for own in page..page.saturating_add(header.pages()) {
            if !reached.insert(own) {
                return Err(BoltError::ReferencedTwice { page: own });
            }
        }
        let mut freed = BTreeSet::new();
        for id in listed {
            if id < 2 || id >= self.meta.pages {
                return Err(wrong("it lists a page that does not exist"));
            }
            if !freed.insert(id) {
                return Err(BoltError::FreedTwice { page: id });
            }
            if reached.contains(&id) {
                return Err(BoltError::ReachableFreed { page: id });
            }
        }
        match (2..self.meta.pages).find(|page| !reached.contains(page) && !freed.contains(page)) {
            Some(page) => Err(BoltError::UnreachableUnfreed { page }),
            None => Ok(()),
        }
    }
}

/// The meta page in force, looked for as bbolt does.
fn find_meta(bytes: &[u8], limits: &Limits) -> Result<Meta, BoltError> {
    if bytes.len() < META_END {
        return Err(BoltError::TruncatedMeta {
            got: u64::try_from(bytes.len()).unwrap_or(0),
        });
    }
    let at = |offset: u32| {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        Meta::parse(bytes.get(offset..).unwrap_or_default()).and_then(|meta| {
            if meta.page_size == offset_size(offset) {
                Ok(meta)
            } else {
                Err(MetaFlaw::Magic)
            }
        })
    };
    let first = Meta::parse(bytes);
    if let Ok(meta) = first {
        check_page_size(meta.page_size, limits)?;
        return Ok(Meta::choose(first, at(meta.page_size))?);
    }
    let sizes = std::iter::successors(Some(SMALLEST_PAGE), |size| size.checked_mul(2));
    let second = sizes
        .take_while(|size| *size <= limits.page_size)
        .map(at)
        .find(Result::is_ok);
    Ok(Meta::choose(first, second.unwrap_or(Err(MetaFlaw::Magic)))?)
}

fn offset_size(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(0)
}

/// The keys that a node may hold: from `least` up to but not including `limit`.
#[derive(Debug, Clone, Copy, Default)]
struct Range<'a> {
    least: Option<&'a [u8]>,
    limit: Option<&'a [u8]>,
}

impl Range<'_> {
    fn holds(&self, key: &[u8]) -> bool {
        self.least.is_none_or(|least| key >= least) && self.limit.is_none_or(|limit| key < limit)
    }
}

struct Walk<'d, 'a> {
    database: &'d Database<'a>,
    reached: BTreeSet<u64>,
}

impl<'a> Walk<'_, 'a> {
    /// Visits a subtree in key order.
    fn node(
        &mut self,
        page: u64,
        range: &Range<'a>,
        depth: usize,
        on_leaf: &mut dyn FnMut(u64, Leaf<'a>) -> Result<(), BoltError>,
    ) -> Result<(), BoltError> {
        let pages = self.database.meta.pages;
        let first = self.database.bytes_of(page, 1).filter(|_| page >= 2);
        let header = first
            .and_then(Header::parse)
            .ok_or(BoltError::OutOfBounds { page, pages })?;
        if header.id != page || !matches!(header.flags, BRANCH | LEAF) {
            return Err(BoltError::NotANode { page });
        }
        let flawed = |flaw| BoltError::Page { page, flaw };
        let node = self
            .database
            .bytes_of(page, header.pages())
            .ok_or(flawed(Flaw::PastTheEnd))?;
        for own in page..page.saturating_add(header.pages()) {
            if !self.reached.insert(own) {
                return Err(BoltError::ReferencedTwice { page: own });
            }
        }
        if header.flags == LEAF {
            let leaf = Leaf::parse(node).map_err(flawed)?;
            if !leaf.items().all(|item| range.holds(item.key)) {
                return Err(BoltError::KeyRange { page });
            }
            return on_leaf(page, leaf);
        }
        let depth = depth.checked_sub(1).ok_or(BoltError::TooDeep {
            page,
            limit: self.database.depth,
        })?;
        let children: Vec<(&[u8], u64)> = Branch::parse(node).map_err(flawed)?.children().collect();
        let ends = children
            .iter()
            .skip(1)
            .map(|(key, _)| Some(*key))
            .chain([range.limit]);
        for ((key, child), limit) in children.iter().zip(ends) {
            if !range.holds(key) {
                return Err(BoltError::KeyRange { page });
            }
            self.node(
                *child,
                &Range {
                    least: Some(key),
                    limit,
                },
                depth,
                on_leaf,
            )?;
        }
        Ok(())
    }
}
