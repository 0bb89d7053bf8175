//! Who is next: in turn by namespace, in order of arrival within one.

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

    /// Takes the next run that may start. The namespace it came from goes to the end of the round; one that has
    /// nothing startable keeps its place.
    pub(super) fn take(&mut self, may_start: impl Fn(&str) -> bool) -> Option<String> {
        for turn in 0..self.turns.len() {
            let lane = self.lanes.get_mut(&self.turns[turn])?;
            let Some(place) = lane.iter().position(|uid| may_start(uid)) else {
                continue;
            };
            let uid = lane.remove(place)?;
            self.waiting -= 1;
            let emptied = lane.is_empty();
            let namespace = self.turns.remove(turn)?;
            if emptied {
                self.lanes.remove(&namespace);
            } else {
                self.turns.push_back(namespace);
            }
            return Some(uid);
        }
        None
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

    fn drained(mut queue: Queue, may_start: impl Fn(&str) -> bool) -> Vec<String> {
        std::iter::from_fn(|| queue.take(&may_start)).collect()
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
        assert_eq!(queue.take(|uid| uid != "a1").as_deref(), Some("b1"));
        assert_eq!(queue.take(|_| true).as_deref(), Some("a1"));
    }

    #[test]
    fn removed_runs_leave_no_trace() {
        let mut queue = queue(&[("a", "a1"), ("a", "a2"), ("b", "b1")]);
        queue.remove("b", "b1");
        queue.remove("a", "a1");
        queue.remove("a", "unknown");
        queue.remove("unknown", "x");
        assert_eq!(queue.len(), 1);
        assert_eq!(queue.take(|_| true).as_deref(), Some("a2"));
        assert_eq!((queue.len(), queue.take(|_| true)), (0, None));
        queue.push("a", "a4".to_owned());
        assert_eq!((queue.clear(), queue.len()), (vec!["a4".to_owned()], 0));
    }
}
