//! Parts to the store, several at a time.

use bytes::Bytes;
use etcd_backup_store::Upload;
use futures::{StreamExt, stream::FuturesUnordered};

use super::{
    Control, Step, WriteError,
    part::{Belt, Part},
};

/// Sends every part, at most `at_once` at a time, until the sending side ends.
pub(super) async fn send(
    upload: &dyn Upload,
    mut belt: Belt,
    at_once: usize,
    control: &Control,
) -> Result<(), WriteError> {
    let mut flying = FuturesUnordered::new();
    let mut stored = 0;
    let mut more = true;
    while more || !flying.is_empty() {
        tokio::select! {
            part = belt.full.recv(), if more && flying.len() < at_once.max(1) => match part {
                Some(part) => flying.push(send_one(upload, part)),
                None => more = false,
            },
            Some(done) = flying.next(), if !flying.is_empty() => {
                let body = done?;
                control.progress.add_stored(body.len() as u64);
                belt.take_back(body);
                stored += 1;
                control.reached(Step::PartStored(stored)).await?;
            }
        }
    }
    Ok(())
}

async fn send_one(upload: &dyn Upload, Part { number, body }: Part) -> Result<Bytes, WriteError> {
    match upload.part(number, body.clone()).await {
        Ok(()) => Ok(body),
        Err(source) => Err(WriteError::StorePart { number, source }),
    }
}
