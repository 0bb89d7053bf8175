//! What goes wrong with which request.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::request::{Operation, Seen};

/// What goes wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// An error instead of the deed.
    Answer {
        /// The HTTP status.
        status: u16,
        /// The error code in the body.
        code: &'static str,
        /// Headers besides.
        headers: Vec<(&'static str, String)>,
    },
    /// 400: the signature is for another region than this, which the body names, as AWS does.
    SignedForAnotherRegion {
        /// The region named.
        actual: &'static str,
    },
    /// An error whose body, code and request id repeat what the request authenticated itself with.
    EchoCredentials {
        /// The HTTP status.
        status: u16,
    },
    /// The connection breaks before anything is done.
    Drop,
    /// The deed is done, and then the connection breaks.
    ApplyThenDrop,
    /// The deed is done, and then comes an error.
    ApplyThenAnswer {
        /// The HTTP status.
        status: u16,
        /// The error code in the body.
        code: &'static str,
    },
    /// 200, and an error in the body; nothing is done.
    ErrorInside200,
    /// 200 with nothing in it.
    EmptyAnswer {
        /// Is the deed done?
        apply: bool,
    },
    /// The deed is done, and the answer's body ends in the middle of its XML.
    HalfAnswer,
    /// No answer ever.
    Stall,
    /// The deed is done, and no answer ever comes.
    ApplyThenStall,
    /// The answer's body comes this slowly.
    DripAnswer {
        /// Bytes a second.
        bytes_per_second: u32,
    },
    /// The answer's body stands still for ever after this many bytes.
    StallAnswer {
        /// Bytes that still come.
        after: u64,
    },
    /// Blanks for this long before the answer's XML, as AWS does while it copies parts together.
    BlanksFirst {
        /// How many.
        blanks: u32,
        /// Pause before each.
        every: std::time::Duration,
    },
    /// The request's body is read this slowly.
    SlowReceive {
        /// Bytes a second.
        bytes_per_second: u32,
    },
    /// The connection breaks after this many bytes of the request's body.
    DropMidRequest {
        /// Bytes that are still read.
        after: u64,
    },
    /// The answer's body ends early.
    CutAnswer {
        /// Bytes that still come.
        after: u64,
        /// As if it were complete (no length was promised), instead of a broken connection.
        clean: bool,
    },
    /// The answer has this header instead of its own.
    Header {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// The answer's body is altered on the way: its first byte is another.
    FlipAnswer,
    /// What arrived is checked, and then something else is stored.
    Corrupt(Damage),
    /// Conditions of the request are not looked at.
    IgnoreConditions,
    /// The whole object, whatever range is asked for.
    IgnoreRange,
    /// A listing that lies.
    List(ListFault),
}

impl Fault {
    /// An error instead of the deed, without headers.
    pub fn answer(status: u16, code: &'static str) -> Self {
        Self::Answer {
            status,
            code,
            headers: Vec::new(),
        }
    }

    /// An error instead of the deed, with a header.
    pub fn answer_with(status: u16, code: &'static str, header: &'static str, value: &str) -> Self {
        Self::Answer {
            status,
            code,
            headers: vec![(header, value.to_owned())],
        }
    }
}

/// How stored bytes differ from those that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// One bit, and the checksum told is that of what arrived: only reading back finds it.
    Flip,
    /// One bit, and the checksum told is that of what is stored.
    FlipAndTell,
    /// The last bytes are missing.
    Truncate(usize),
}

/// How a listing lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListFault {
    /// Keys that contain this are left out.
    Misses(String),
    /// Every object twice, and in descending order.
    DuplicatesUnsorted,
    /// Cut off, with the same continuation for ever.
    Loops,
    /// Cut off, without a continuation.
    NoContinuation,
    /// Nothing at all.
    Empty,
    /// Objects of other prefixes too.
    IgnoresPrefix,
}

/// What goes wrong from now on, and what was asked so far. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Plan(Arc<Mutex<Written>>);

#[derive(Debug, Default)]
struct Written {
    rules: Vec<Rule>,
    seen: Vec<Seen>,
    held: Vec<Seen>,
}

#[derive(Debug)]
struct Rule {
    operation: Option<Operation>,
    key: String,
    skip: usize,
    times: usize,
    fault: Fault,
}

impl Plan {
    /// Begins a rule for one operation. Of several rules that fit a request, the first that is not used up counts.
    pub fn on(&self, operation: Operation) -> RuleBuilder<'_> {
        self.rule(Some(operation))
    }

    /// Begins a rule for every operation.
    pub fn on_any(&self) -> RuleBuilder<'_> {
        self.rule(None)
    }

    fn rule(&self, operation: Option<Operation>) -> RuleBuilder<'_> {
        RuleBuilder {
            plan: self,
            operation,
            key: String::new(),
            skip: 0,
            times: usize::MAX,
        }
    }

    /// Nothing goes wrong any more.
    pub fn clear(&self) {
        self.written().rules.clear();
    }

    /// Every request so far, also those that a fault kept from the server.
    pub fn seen(&self) -> Vec<Seen> {
        self.written().seen.clone()
    }

    /// The requests so far that get no answer, whose deed is done where it was to be done.
    pub fn held(&self) -> Vec<Seen> {
        self.written().held.clone()
    }

    /// How often something was asked for.
    pub fn count(&self, operation: Operation) -> usize {
        let written = self.written();
        written
            .seen
            .iter()
            .filter(|seen| seen.operation == operation)
            .count()
    }

    pub(super) fn next(&self, seen: &Seen) -> Option<Fault> {
        let mut written = self.written();
        written.seen.push(seen.clone());
        let rule = written.rules.iter_mut().find(|rule| {
            rule.times > 0
                && rule.operation.is_none_or(|operation| operation == seen.operation)
                && seen.key.contains(&rule.key)
        })?;
        if rule.skip > 0 {
            rule.skip -= 1;
            return None;
        }
        rule.times -= 1;
        Some(rule.fault.clone())
    }

    /// Lets a request stand still for ever.
    pub(super) async fn hold<T>(&self, seen: &Seen) -> T {
        self.written().held.push(seen.clone());
        std::future::pending().await
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A rule being written; it counts once [`fails`](Self::fails) is called.
#[derive(Debug)]
#[must_use]
pub struct RuleBuilder<'a> {
    plan: &'a Plan,
    operation: Option<Operation>,
    key: String,
    skip: usize,
    times: usize,
}

impl RuleBuilder<'_> {
    /// Only for keys that contain this.
    pub fn key(mut self, part: &str) -> Self {
        part.clone_into(&mut self.key);
        self
    }

    /// The first so many go well.
    pub fn skip(mut self, requests: usize) -> Self {
        self.skip = requests;
        self
    }

    /// Only so many go wrong; without it, all.
    pub fn times(mut self, requests: usize) -> Self {
        self.times = requests;
        self
    }

    /// What goes wrong.
    pub fn fails(self, fault: Fault) {
        self.plan.written().rules.push(Rule {
            operation: self.operation,
            key: self.key,
            skip: self.skip,
            times: self.times,
            fault,
        });
    }
}
