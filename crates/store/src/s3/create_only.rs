//! Whether the server keeps create-only writes from replacing anything.
//!
//! Servers differ most where they are silent: some answer 200 to a condition they do not know, and replace. So one that was not
//! asked yet is not relied upon.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::object::CreateOnly;

/// What is known so far; learnt by asking ([`ask`](super::create_again::ask)), or from a refusal on the way.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) put: Answer,
    pub(super) upload: Answer,
}

impl Known {
    /// AWS documents both (…/userguide/conditional-writes.html); of others nothing is known.
    pub(super) fn new(is_aws: bool) -> Self {
        let first = || Answer(AtomicU8::new(if is_aws { ENFORCED } else { UNKNOWN }));
        Self {
            put: first(),
            upload: first(),
        }
    }
}

const UNKNOWN: u8 = 0;
const ENFORCED: u8 = 1;
/// It answers 200 and replaces: looking first is all we can do. The condition is still sent.
const IGNORED: u8 = 2;
/// It refuses requests that carry the condition, so it is left out.
const REFUSED: u8 = 3;

/// For one kind of write.
#[derive(Debug)]
pub(super) struct Answer(AtomicU8);

impl Answer {
    pub(super) fn note_enforced(&self) {
        self.0.store(ENFORCED, Ordering::Relaxed);
    }

    pub(super) fn note_ignored(&self) {
        self.0.store(IGNORED, Ordering::Relaxed);
    }

    pub(super) fn note_refused(&self) {
        self.0.store(REFUSED, Ordering::Relaxed);
    }

    /// Must we look whether something is there before we write?
    pub(super) fn look_first(&self) -> bool {
        self.0.load(Ordering::Relaxed) != ENFORCED
    }

    /// Shall the condition be sent?
    pub(super) fn send_condition(&self) -> bool {
        self.0.load(Ordering::Relaxed) != REFUSED
    }

    pub(super) fn as_capability(&self) -> CreateOnly {
        if self.look_first() {
            CreateOnly::Checked
        } else {
            CreateOnly::Enforced
        }
    }
}

/// The value of `If-None-Match` that means "nothing may be there".
pub(super) const NOTHING: &str = "*";
