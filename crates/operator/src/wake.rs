//! Wake-ups: which objects are to be looked at again, and only while this process leads.
//!
//! Watches, ended runs, finished upkeep and other objects' reconciles all wake an object through here. While
//! nobody listens (this process does not lead) a wake-up is dropped: a new term begins by looking at everything.

use std::sync::{Mutex, PoisonError};

use kube::runtime::reflector::{Lookup, ObjectRef};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The queue of one kind of object in one scope.
#[derive(Debug)]
pub struct Wake<K>
where
    K: Lookup<DynamicType = ()> + 'static,
{
    listener: Mutex<Option<UnboundedSender<ObjectRef<K>>>>,
}

impl<K> Default for Wake<K>
where
    K: Lookup<DynamicType = ()> + 'static,
{
    fn default() -> Self {
        Self {
            listener: Mutex::new(None),
        }
    }
}

impl<K> Wake<K>
where
    K: Lookup<DynamicType = ()> + 'static,
{
    /// Asks that `object` is looked at. Never blocks; the same object asked for twice is looked at once.
    pub fn wake(&self, object: ObjectRef<K>) {
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(listener) = listener.as_ref() {
            // A listener that is gone belongs to a term that is over.
            let _ = listener.send(object);
        }
    }

    /// Begins to listen. An earlier listener hears nothing more.
    pub fn listen(&self) -> UnboundedReceiver<ObjectRef<K>> {
        let (sender, receiver) = unbounded_channel();
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        receiver
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

    fn named(name: &str) -> ObjectRef<ConfigMap> {
        ObjectRef::new(name).within("ns")
    }

    #[test]
    fn a_wake_up_before_anybody_listens_is_dropped() {
        let wake = Wake::default();
        wake.wake(named("early"));
        let mut heard = wake.listen();
        wake.wake(named("late"));
        assert_eq!(heard.try_recv().unwrap().name, "late");
        assert!(heard.try_recv().is_err());
    }

    #[test]
    fn a_new_listener_takes_over() {
        let wake = Wake::default();
        let mut first = wake.listen();
        let mut second = wake.listen();
        wake.wake(named("object"));
        assert!(first.try_recv().is_err());
        assert_eq!(second.try_recv().unwrap().name, "object");
    }
}
