//! The walk from the root, when every page has passed.

use super::pages::Pages;
use super::tree::{BucketTree, Leaves, Tree};
use crate::bitmap::Bitmap;
use crate::error::BoltError;
use crate::ledger::{BucketNotes, Children, Ledger, Note, NotePlace};
use crate::limits::Limits;

/// Proves the structure and puts the leaves in order.
pub(super) fn prove(pages: Pages, limits: &Limits) -> Result<Tree, BoltError> {
    let mut seen = pages.complete()?;
    let mut walk = Walk {
        ledger: &seen.ledger,
        depth: limits.depth,
        end: seen.end,
        reached: Bitmap::new(seen.end),
        first: Vec::new(),
        last: Vec::new(),
    };
    let mut order = Vec::with_capacity(seen.ledger.leaves());
    let mut buckets = Vec::new();

    let mut roots = Vec::new();
    walk.tree(seen.meta.root, &mut |page, leaf| match leaf {
        Reached::Buckets(notes) => {
            roots.push((page, notes));
            Ok(())
        }
        Reached::Leaf { items: 0, .. } => Ok(()),
        Reached::Leaf { .. } => Err(BoltError::KeyOutsideBucket { page }),
    })?;
    for (page, mut notes) in roots {
        while let Some(bucket) = notes.advance().map_err(|_| BoltError::Ledger { page })? {
            let leaves = match bucket.inline {
                Some(Ok(inline)) => Leaves::Inline {
                    items: inline.items,
                    memo: inline.memo.to_vec(),
                },
                Some(Err(flaw)) => return Err(BoltError::Page { page, flaw }),
                None => {
                    let start = order.len();
                    walk.tree(bucket.root, &mut |page, leaf| match leaf {
                        Reached::Leaf { place, .. } => {
                            order.push(place);
                            Ok(())
                        }
                        Reached::Buckets(_) => Err(BoltError::NestedBucket { page }),
                    })?;
                    Leaves::Pages(start..order.len())
                }
            };
            buckets.push(BucketTree::new(bucket.name.to_vec(), bucket.sequence, leaves));
        }
    }

    seen.freelist.check(seen.end, &mut walk.reached)?;
    seen.ledger.forget_pages();
    Ok(Tree {
        meta: seen.meta,
        ledger: seen.ledger,
        order,
        buckets,
    })
}

/// A leaf on the walk.
enum Reached<'a> {
    Leaf { items: usize, place: NotePlace },
    Buckets(BucketNotes<'a>),
}

/// Called for each leaf of a tree, in key order.
type OnLeaf<'f, 'a> = &'f mut dyn FnMut(u64, Reached<'a>) -> Result<(), BoltError>;

struct Walk<'a> {
    ledger: &'a Ledger,
    depth: usize,
    end: u32,
    reached: Bitmap,
    first: Vec<u8>,
    last: Vec<u8>,
}

/// A branch whose children are being visited.
struct Level<'a> {
    page: u64,
    children: Children<'a>,
    /// The child being visited, its key, and the key of the one behind it.
    child: u64,
    key: Vec<u8>,
    next: Option<u64>,
    next_key: Vec<u8>,
    /// No key below this branch may reach this one.
    limit: Option<Vec<u8>>,
}

impl<'a> Walk<'a> {
    /// Visits one tree in key order. The stack is explicit: a hostile file decides how deep it goes.
    fn tree(&mut self, root: u64, on_leaf: OnLeaf<'_, 'a>) -> Result<(), BoltError> {
        let mut levels: Vec<Level<'a>> = Vec::new();
        if let Some(level) = self.visit(root, None, None, on_leaf)? {
            levels.push(level);
        }
        while let Some(level) = levels.last_mut() {
            if !level.advance()? {
                levels.pop();
                continue;
            }
            let limit = if level.next.is_some() {
                Some(&level.next_key)
            } else {
                level.limit.as_ref()
            };
            let (page, key) = (level.child, Some(&level.key));
            if let Some(below) = self.visit(page, key, limit, on_leaf)? {
                if levels.len() >= self.depth {
                    return Err(BoltError::TooDeep {
                        page,
                        limit: self.depth,
                    });
                }
                levels.push(below);
            }
        }
        Ok(())
    }

    /// Checks one node against its place: below the high-water mark, not reached before, keys from `least` up to but not
    /// including `limit`. Returns the level to go down to if it is a branch.
    fn visit(
        &mut self,
        page: u64,
        least: Option<&Vec<u8>>,
        limit: Option<&Vec<u8>>,
        on_leaf: OnLeaf<'_, 'a>,
    ) -> Result<Option<Level<'a>>, BoltError> {
        if page < 2 || page >= u64::from(self.end) {
            return Err(BoltError::OutOfBounds {
                page,
                pages: u64::from(self.end),
            });
        }
        let number = u32::try_from(page).map_err(|_| BoltError::NotANode { page })?;
        let place = self.ledger.place(number).ok_or(BoltError::NotANode { page })?;
        let unreadable = || BoltError::Ledger { page };
        match self.ledger.read(place).ok_or_else(unreadable)? {
            Note::Flawed(flaw) => {
                self.reach(page, 0)?;
                Err(BoltError::Page { page, flaw })
            }
            Note::Leaf { overflow, leaf } => {
                self.reach(page, overflow)?;
                leaf.read(&mut self.first, &mut self.last)
                    .ok_or_else(unreadable)?;
                let below = least.is_some_and(|least| self.first < *least);
                let above = limit.is_some_and(|limit| self.last >= *limit);
                if leaf.items > 0 && (below || above) {
                    return Err(BoltError::KeyRange { page });
                }
                on_leaf(
                    page,
                    Reached::Leaf {
                        items: leaf.items,
                        place,
                    },
                )?;
                Ok(None)
            }
            Note::Buckets { overflow, buckets } => {
                self.reach(page, overflow)?;
                check_names(page, buckets, least, limit)?;
                on_leaf(page, Reached::Buckets(buckets))?;
                Ok(None)
            }
            Note::Branch { overflow, children } => {
                self.reach(page, overflow)?;
                let level = Level::enter(page, children, limit.cloned())?;
                if least.is_some_and(|least| level.next_key < *least) {
                    return Err(BoltError::KeyRange { page });
                }
                Ok(Some(level))
            }
        }
    }

    /// Marks a node's pages; they must lie below the high-water mark and be nobody else's.
    fn reach(&mut self, page: u64, overflow: u32) -> Result<(), BoltError> {
        let last = page.saturating_add(u64::from(overflow));
        if last >= u64::from(self.end) {
            return Err(BoltError::OutOfBounds {
                page: last,
                pages: u64::from(self.end),
            });
        }
        match (page..=last).find(|page| !self.reached.insert(*page)) {
            Some(page) => Err(BoltError::ReferencedTwice { page }),
            None => Ok(()),
        }
    }
}

impl<'a> Level<'a> {
    /// A branch, standing before its first child.
    fn enter(page: u64, mut children: Children<'a>, limit: Option<Vec<u8>>) -> Result<Self, BoltError> {
        let mut next_key = Children::reference();
        let next = children
            .advance(&mut next_key)
            .map_err(|_| BoltError::Ledger { page })?;
        Ok(Self {
            page,
            children,
            child: 0,
            key: Vec::new(),
            next,
            next_key,
            limit,
        })
    }

    /// Steps to the next child; false when there is none.
    fn advance(&mut self) -> Result<bool, BoltError> {
        let Some(child) = self.next else { return Ok(false) };
        self.child = child;
        self.key.clone_from(&self.next_key);
        let unreadable = BoltError::Ledger { page: self.page };
        self.next = self
            .children
            .advance(&mut self.next_key)
            .map_err(|_| unreadable)?;
        if self.limit.as_ref().is_some_and(|limit| self.key >= *limit) {
            return Err(BoltError::KeyRange { page: self.page });
        }
        Ok(true)
    }
}

/// Bucket names have to lie in the leaf's range as any key. That they ascend was checked when the page passed.
fn check_names(
    page: u64,
    mut buckets: BucketNotes<'_>,
    least: Option<&Vec<u8>>,
    limit: Option<&Vec<u8>>,
) -> Result<(), BoltError> {
    while let Some(bucket) = buckets.advance().map_err(|_| BoltError::Ledger { page })? {
        let below = least.is_some_and(|least| bucket.name < least.as_slice());
        let above = limit.is_some_and(|limit| bucket.name >= limit.as_slice());
        if below || above {
            return Err(BoltError::KeyRange { page });
        }
    }
    Ok(())
}
