//! Sums by group and the largest of many, in bounded memory.

use std::cmp::Reverse;
use std::collections::BTreeMap;

/// What can be summed and compared.
pub(super) trait Sum: Default {
    fn add(&mut self, other: &Self);
    fn weight(&self) -> u64;
}

/// Sums by name. When there are more than twice as many groups as wanted, the lightest are summed up as "others"; names
/// come in order, so a group that was summed up hardly ever goes on.
#[derive(Debug)]
pub(super) struct Groups<T> {
    most: usize,
    by_name: BTreeMap<String, T>,
    others: T,
}

impl<T: Sum> Groups<T> {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            by_name: BTreeMap::new(),
            others: T::default(),
        }
    }

    pub(super) fn add(&mut self, name: &str, sum: &T) {
        if let Some(group) = self.by_name.get_mut(name) {
            group.add(sum);
            return;
        }
        if self.by_name.len() >= self.most.saturating_mul(2).max(1) {
            self.prune();
        }
        let mut group = T::default();
        group.add(sum);
        self.by_name.insert(name.to_owned(), group);
    }

    fn prune(&mut self) {
        let mut kept = Top::new(self.most);
        for (name, group) in std::mem::take(&mut self.by_name) {
            if let Some((_, group)) = kept.offer(group.weight(), name, group) {
                self.others.add(&group);
            }
        }
        self.by_name = kept.into_descending().collect();
    }

    /// The heaviest groups, heaviest first, and the sum of all others.
    pub(super) fn finish(mut self) -> (Vec<(String, T)>, T) {
        self.prune();
        let mut groups: Vec<_> = self.by_name.into_iter().collect();
        groups.sort_by_key(|(_, group)| Reverse(group.weight()));
        (groups, self.others)
    }
}

/// The heaviest of many; of equal ones those whose names come first.
#[derive(Debug)]
pub(super) struct Top<K, V> {
    most: usize,
    kept: BTreeMap<(u64, Reverse<K>), V>,
}

impl<K: Ord, V> Top<K, V> {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            kept: BTreeMap::new(),
        }
    }

    /// Whether one of this weight would stay, so that it need not be made if not.
    pub(super) fn wants(&self, weight: u64) -> bool {
        let lightest = self.kept.first_key_value().map(|((weight, _), _)| *weight);
        self.most > 0 && (self.kept.len() < self.most || lightest.is_some_and(|lightest| weight > lightest))
    }

    /// Takes one, and gives back the one that must leave for it.
    pub(super) fn offer(&mut self, weight: u64, name: K, value: V) -> Option<(K, V)> {
        self.kept.insert((weight, Reverse(name)), value);
        if self.kept.len() <= self.most {
            return None;
        }
        let ((_, Reverse(name)), value) = self.kept.pop_first()?;
        Some((name, value))
    }

    /// Heaviest first.
    pub(super) fn into_descending(self) -> impl Iterator<Item = (K, V)> {
        let kept = self.kept.into_iter().rev();
        kept.map(|((_, Reverse(name)), value)| (name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Clone, PartialEq, Eq)]
    struct Weight(u64);

    impl Sum for Weight {
        fn add(&mut self, other: &Self) {
            self.0 += other.0;
        }

        fn weight(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn the_heaviest_groups_stay_and_nothing_is_lost() {
        let mut groups = Groups::new(3);
        let mut total = 0;
        for number in 0_u64..100 {
            let weight = (number * 37) % 101;
            total += 2 * weight;
            let name = format!("{number:03}");
            groups.add(&name, &Weight(weight));
            groups.add(&name, &Weight(weight));
            assert!(groups.by_name.len() <= 6);
        }
        let (heaviest, others) = groups.finish();
        let weights: Vec<u64> = heaviest.iter().map(|(_, weight)| weight.0).collect();
        assert_eq!(weights, [200, 198, 196]);
        assert_eq!(weights.iter().sum::<u64>() + others.0, total);
    }

    #[test]
    fn no_groups_wanted_means_all_others() {
        let mut groups = Groups::new(0);
        groups.add("a", &Weight(1));
        groups.add("b", &Weight(2));
        assert_eq!(groups.finish(), (Vec::new(), Weight(3)));
    }

    #[test]
    fn the_top_are_the_heaviest_and_of_equals_the_first() {
        let mut top = Top::new(2);
        for (weight, name) in [(5, "c"), (5, "a"), (1, "z"), (5, "b")] {
            if top.wants(weight) || weight == 5 {
                top.offer(weight, name, ());
            }
        }
        let names: Vec<&str> = top.into_descending().map(|(name, ())| name).collect();
        assert_eq!(names, ["a", "b"]);
        assert!(!Top::<u8, u8>::new(0).wants(9));
    }
}
