//! Who is next: the namespace that has least, in turn among equals; in order of arrival within one.

use std::collections::{HashMap, VecDeque};

/// Waiting runs. Holds UIDs only; what may start now is the caller's question.
#[derive(Debug, Default)]
pub(super) struct Queue {
    lanes: HashMap<String, VecDeque<String>>,
    /// Namespaces with something waiting; the front one has its turn.
    turns: VecDeque<String>,
    waiting: usize,
}

impl Queue {
    /// Adds a run at the end of its namespace's lane.
    pub(super) fn push(&mut self, namespace: &str, uid: String) {
        self.waiting += 1;
        if let Some(lane) = self.lanes.get_mut(namespace) {
            lane.push_back(uid);
        } else {
            self.lanes.insert(namespace.to_owned(), VecDeque::from([uid]));
            self.turns.push_back(namespace.to_owned());
        }
    }

    /// Takes the next run that may start: of the namespace that holds the fewest places, and of those that hold as many, of the
    /// one whose turn it is. `held` says how many places of the kind that a run needs its namespace holds; `None` if the run may not
    /// start. The namespace that it came from goes to the end of the round; others keep their place in it.
    pub(super) fn take(&mut self, held: impl Fn(&str) -> Option<usize>) -> Option<String> {
        let first = |namespace: &String| {
            let mut lane = self.lanes.get(namespace)?.iter().enumerate();
            lane.find_map(|(place, uid)| Some((held(uid)?, place)))
        };
        let firsts = self.turns.iter().enumerate();
        let startable = firsts.filter_map(|(turn, namespace)| first(namespace).map(|first| (turn, first)));
        let (turn, (_, place)) = startable.min_by_key(|(_, (held, _))| *held)?;
        let namespace = self.turns.remove(turn)?;
        let lane = self.lanes.get_mut(&namespace)?;
        let uid = lane.remove(place)?;
        self.waiting -= 1;
        if lane.is_empty() {
            self.lanes.remove(&namespace);
        } else {
            self.turns.push_back(namespace);
        }
        Some(uid)
    }

    /// Removes a run that is not wanted any more.
    pub(super) fn remove(&mut self, namespace: &str, uid: &str) {
        let Some(lane) = self.lanes.get_mut(namespace) else {
            return;
        };
        let before = lane.len();
        lane.retain(|waiting| waiting != uid);
        self.waiting -= before - lane.len();
        if lane.is_empty() {
            self.lanes.remove(namespace);
            self.turns.retain(|turn| turn != namespace);
        }
    }

    /// Empties the queue.
    pub(super) fn clear(&mut self) -> Vec<String> {
        self.turns.clear();
        self.waiting = 0;
        self.lanes.drain().flat_map(|(_, lane)| lane).collect()
    }

    /// How many wait.
    pub(super) const fn len(&self) -> usize {
        self.waiting
    }
}

#[cfg(test)]
mod tests {
    use super::Queue;

    /// Takes what may start, where nobody holds anything.
    fn take(queue: &mut Queue, may_start: impl Fn(&str) -> bool) -> Option<String> {
        queue.take(|uid| may_start(uid).then_some(0))
    }

    fn drained(mut queue: Queue, may_start: impl Fn(&str) -> bool) -> Vec<String> {
        std::iter::from_fn(|| take(&mut queue, &may_start)).collect()
    }

    fn queue(runs: &[(&str, &str)]) -> Queue {
        let mut queue = Queue::default();
        for (namespace, uid) in runs {
            queue.push(namespace, (*uid).to_owned());
        }
        queue
    }

    #[test]
    fn namespaces_take_turns_and_keep_their_own_order() {
        let queue = queue(&[
            ("a", "a1"),
            ("a", "a2"),
            ("a", "a3"),
            ("b", "b1"),
            ("c", "c1"),
            ("b", "b2"),
        ]);
        assert_eq!(drained(queue, |_| true), ["a1", "b1", "c1", "a2", "b2", "a3"]);
    }

    #[test]
    fn a_blocked_run_does_not_block_those_behind_it() {
        let queue = queue(&[("a", "a1"), ("a", "a2"), ("b", "b1")]);
        assert_eq!(drained(queue, |uid| uid != "a1"), ["a2", "b1"]);
    }

    #[test]
    fn a_namespace_whose_runs_are_all_blocked_keeps_its_turn() {
        let mut queue = queue(&[("a", "a1"), ("b", "b1"), ("b", "b2")]);
        assert_eq!(take(&mut queue, |uid| uid != "a1").as_deref(), Some("b1"));
        assert_eq!(take(&mut queue, |_| true).as_deref(), Some("a1"));
    }

    #[test]
    fn whoever_holds_least_comes_first_and_only_equals_take_turns() {
        let held = |uid: &str| match uid {
            "b1" => None,
            uid if uid.starts_with('a') => Some(2),
            _ => Some(1),
        };
        let mut queue = queue(&[("a", "a1"), ("b", "b1"), ("c", "c1"), ("b", "b2"), ("c", "c2")]);
        let order: Vec<String> = std::iter::from_fn(|| queue.take(held)).collect();
        assert_eq!(order, ["b2", "c1", "c2", "a1"]);
        assert_eq!(queue.len(), 1, "what may not start waits");
    }

    #[test]
    fn removed_runs_leave_no_trace() {
        let mut queue = queue(&[("a", "a1"), ("a", "a2"), ("b", "b1")]);
        queue.remove("b", "b1");
        queue.remove("a", "a1");
        queue.remove("a", "unknown");
        queue.remove("unknown", "x");
        assert_eq!(queue.len(), 1);
        assert_eq!(take(&mut queue, |_| true).as_deref(), Some("a2"));
        assert_eq!((queue.len(), take(&mut queue, |_| true)), (0, None));
        queue.push("a", "a4".to_owned());
        assert_eq!((queue.clear(), queue.len()), (vec!["a4".to_owned()], 0));
    }
}
