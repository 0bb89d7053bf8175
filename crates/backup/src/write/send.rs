//! Parts to the store, several at a time.

use etcd_backup_store::Upload;
use futures::{StreamExt, stream::FuturesUnordered};
use tokio::sync::mpsc::Receiver;

use super::{Control, Step, WriteError, part::Part};

/// Sends every part, at most `at_once` at a time, until the sending side ends.
pub(super) async fn send(
    upload: &dyn Upload,
    mut parts: Receiver<Part>,
    at_once: usize,
    control: &Control,
) -> Result<(), WriteError> {
    let mut flying = FuturesUnordered::new();
    let mut stored = 0;
    let mut more = true;
    while more || !flying.is_empty() {
        tokio::select! {
            part = parts.recv(), if more && flying.len() < at_once.max(1) => match part {
                Some(part) => flying.push(send_one(upload, part)),
                None => more = false,
            },
            Some(done) = flying.next(), if !flying.is_empty() => {
                control.progress.add_stored(done?);
                stored += 1;
                control.reached(Step::PartStored(stored)).await?;
            }
        }
    }
    Ok(())
}

async fn send_one(upload: &dyn Upload, Part { number, body }: Part) -> Result<u64, WriteError> {
    let length = body.len() as u64;
    match upload.part(number, body).await {
        Ok(()) => Ok(length),
        Err(source) => Err(WriteError::StorePart { number, source }),
    }
}
