//! A request of a backup that stands still, so that whoever asked can be killed at that very step.

use std::time::Duration;

use anyhow::Result;
use harness::{
    s3::{Fault, Operation, Plan},
    wait,
};

/// One request to the store, before or after its deed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Halt {
    /// What it is, as part of names.
    pub(crate) name: &'static str,
    operation: Operation,
    /// Part of the key.
    key: &'static str,
    /// So many such requests go well before.
    skip: usize,
    done: bool,
}

impl Halt {
    /// Before the store does anything.
    pub(crate) const fn before(name: &'static str, operation: Operation, key: &'static str) -> Self {
        Self {
            name,
            operation,
            key,
            skip: 0,
            done: false,
        }
    }

    /// When the store has done it, and nobody has been told.
    pub(crate) const fn after(name: &'static str, operation: Operation, key: &'static str) -> Self {
        Self {
            done: true,
            ..Self::before(name, operation, key)
        }
    }

    /// Not the first such request: the second.
    pub(crate) const fn second(self) -> Self {
        Self { skip: 1, ..self }
    }

    /// Whether it needs a snapshot that is sent in two parts at least.
    pub(crate) fn needs_parts(&self) -> bool {
        self.skip > 0 && self.operation == Operation::UploadPart
    }

    /// From now on.
    pub(crate) fn set(&self, plan: &Plan) {
        let fault = if self.done {
            Fault::ApplyThenStall
        } else {
            Fault::Stall
        };
        plan.on(self.operation).key(self.key).skip(self.skip).fails(fault);
    }

    /// Waits until the request stands still.
    pub(crate) async fn reached(&self, plan: &Plan, deadline: Duration) -> Result<()> {
        let held = async || {
            let held = plan.held();
            held.iter()
                .any(|seen| seen.operation == self.operation && seen.key.contains(self.key))
        };
        wait::until(format!("the step {} to be reached", self.name), deadline, held).await
    }
}

/// What a backup that is killed leaves in its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// Nothing of it.
    Nothing,
    /// An upload that nobody ends.
    Upload,
    /// An object without a manifest.
    Object,
    /// A backup.
    Backup,
}

/// Every step of a backup in the store, from the first request to the last, and what a kill leaves there.
pub(crate) const STEPS: [(Halt, Left); 13] = [
    (
        Halt::before("upload-asked", Operation::CreateUpload, ""),
        Left::Nothing,
    ),
    (
        Halt::after("upload-begun", Operation::CreateUpload, ""),
        Left::Upload,
    ),
    (Halt::before("part-sent", Operation::UploadPart, ""), Left::Upload),
    (
        Halt::after("part-stored", Operation::UploadPart, ""),
        Left::Upload,
    ),
    (
        Halt::before("last-part-sent", Operation::UploadPart, "").second(),
        Left::Upload,
    ),
    (
        Halt::after("last-part-stored", Operation::UploadPart, "").second(),
        Left::Upload,
    ),
    // Whether something is there already.
    (
        Halt::before("place-looked-at", Operation::Head, "/snapshot.db"),
        Left::Upload,
    ),
    (
        Halt::before("complete-asked", Operation::CompleteUpload, ""),
        Left::Upload,
    ),
    (
        Halt::after("completed", Operation::CompleteUpload, ""),
        Left::Object,
    ),
    (
        Halt::before("looked-at", Operation::Head, "/snapshot.db").second(),
        Left::Object,
    ),
    (
        Halt::before("read-back", Operation::Get, "/snapshot.db"),
        Left::Object,
    ),
    (
        Halt::before("manifest-sent", Operation::Put, "/manifest.json"),
        Left::Object,
    ),
    (
        Halt::after("manifest-stored", Operation::Put, "/manifest.json"),
        Left::Backup,
    ),
];
