//! From the source into the spool, as fast as the source goes.

use std::pin::pin;

use bytes::Bytes;
use futures::{Stream, StreamExt};

use super::{Control, SourceError, Step, WriteError, spool::SpoolWriter};

/// Chunks are handed on in batches of about this many bytes. etcd sends 32 KiB at a time.
const BATCH: usize = 256 * 1024;

pub(super) async fn feed<S>(
    source: S,
    spool: SpoolWriter,
    control: Control,
    announced: Option<u64>,
) -> Result<(), WriteError>
where
    S: Stream<Item = Result<Bytes, SourceError>>,
{
    let mut source = pin!(source);
    let (mut batch, mut batched) = (Vec::new(), 0);
    // Counted here and not by what is shown, which nothing may depend on.
    let mut read: u64 = 0;
    while let Some(chunk) = source.next().await {
        let chunk = chunk.map_err(WriteError::ReadSource)?;
        read += chunk.len() as u64;
        control.progress.add_read(chunk.len() as u64);
        // Without this, a source without end would fill the store before it is found out.
        if let Some(announced) = announced.filter(|announced| read > *announced) {
            return Err(WriteError::SizeMismatch {
                announced,
                actual: read,
            });
        }
        batched += chunk.len();
        batch.push(chunk);
        if batched >= BATCH {
            spool
                .push(std::mem::take(&mut batch))
                .await
                .map_err(WriteError::Spool)?;
            batched = 0;
        }
    }
    if let Some(announced) = announced.filter(|announced| read != *announced) {
        return Err(WriteError::SizeMismatch {
            announced,
            actual: read,
        });
    }
    if batched > 0 {
        spool.push(batch).await.map_err(WriteError::Spool)?;
    }
    control.reached(Step::StreamEnded).await?;
    spool.finish();
    Ok(())
}
