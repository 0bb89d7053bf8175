//! The places of a pool, and which namespaces hold them.

use std::collections::HashMap;

/// Places of one kind. The last free one is for a namespace that has none: however slow the runs of one namespace are, and however
/// many of them wait, the first of another finds a place.
#[derive(Debug, Default)]
pub(super) struct Places {
    held: HashMap<String, usize>,
    taken: usize,
}

impl Places {
    /// How many are taken.
    pub(super) const fn taken(&self) -> usize {
        self.taken
    }

    /// How many `namespace` holds.
    pub(super) fn held_by(&self, namespace: &str) -> usize {
        self.held.get(namespace).copied().unwrap_or(0)
    }

    /// Whether a run of `namespace` may take one, of `most` in all. Where there is only one, it is for whoever has his turn.
    pub(super) fn has_one_for(&self, namespace: &str, most: usize) -> bool {
        match most.saturating_sub(self.taken) {
            0 => false,
            1 => most == 1 || !self.held.contains_key(namespace),
            _ => true,
        }
    }

    /// A run of `namespace` takes one.
    pub(super) fn take(&mut self, namespace: &str) {
        self.taken += 1;
        *self.held.entry(namespace.to_owned()).or_default() += 1;
    }

    /// A run of `namespace` gives its place back.
    pub(super) fn give_back(&mut self, namespace: &str) {
        let Some(held) = self.held.get_mut(namespace) else {
            return;
        };
        self.taken -= 1;
        *held -= 1;
        if *held == 0 {
            self.held.remove(namespace);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Places;

    /// Lets each namespace take a place in turn, if it may, and says which did.
    fn taken<'a>(places: &mut Places, most: usize, namespaces: &[&'a str]) -> Vec<&'a str> {
        let mut took = Vec::new();
        for namespace in namespaces {
            if places.has_one_for(namespace, most) {
                places.take(namespace);
                took.push(*namespace);
            }
        }
        took
    }

    #[test]
    fn the_last_place_is_for_a_namespace_that_has_none() {
        let mut places = Places::default();
        assert_eq!(taken(&mut places, 4, &["a"; 5]), ["a"; 3]);
        assert_eq!(taken(&mut places, 4, &["a", "b", "c"]), ["b"]);
        places.give_back("a");
        assert_eq!(taken(&mut places, 4, &["a", "b", "c"]), ["c"]);
        assert_eq!(places.taken(), 4);
    }

    #[test]
    fn of_two_places_no_namespace_has_both_and_a_single_one_is_for_anybody() {
        assert_eq!(
            taken(&mut Places::default(), 2, &["a", "a", "b", "a"]),
            ["a", "b"]
        );
        let mut places = Places::default();
        for _ in 0..3 {
            assert_eq!(taken(&mut places, 1, &["a", "b"]), ["a"]);
            places.give_back("a");
        }
        assert!(!Places::default().has_one_for("a", 0));
    }

    #[test]
    fn what_is_given_back_is_free_and_nobody_gives_back_what_he_has_not() {
        let mut places = Places::default();
        taken(&mut places, 4, &["a", "b"]);
        places.give_back("c");
        assert_eq!(places.taken(), 2);
        for namespace in ["a", "b"] {
            places.give_back(namespace);
        }
        assert_eq!(places.taken(), 0);
        assert_eq!(taken(&mut places, 2, &["a", "a"]), ["a"]);
    }
}
