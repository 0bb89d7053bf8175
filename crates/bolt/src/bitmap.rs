//! A set of page numbers.

/// One bit a page.
#[derive(Debug)]
pub(crate) struct Bitmap(Vec<u64>);

impl Bitmap {
    /// An empty set of pages below `end`. Made only once that many pages have been read.
    pub(crate) fn new(end: u32) -> Self {
        Self(vec![0; usize::try_from(end / 64).unwrap_or(0).saturating_add(1)])
    }

    fn place(page: u64) -> (usize, u64) {
        (usize::try_from(page / 64).unwrap_or(usize::MAX), 1 << (page % 64))
    }

    /// Adds a page; false if it was there already or is out of bounds.
    pub(crate) fn insert(&mut self, page: u64) -> bool {
        let (word, bit) = Self::place(page);
        let Some(word) = self.0.get_mut(word) else {
            return false;
        };
        let fresh = *word & bit == 0;
        *word |= bit;
        fresh
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    pub(crate) fn contains(&self, page: u64) -> bool {
        let (word, bit) = Self::place(page);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }
}
