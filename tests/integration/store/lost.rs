//! Answers that were lost, though the deed was done.

use anyhow::Result;
use etcd_backup_store::{PutMode, Store as _};
use harness::s3::{Fault, Operation};

use super::start;

#[tokio::test]
async fn a_create_whose_answer_was_lost_is_a_success_and_anothers_object_is_not() -> Result<()> {
    let (server, store) = start().await?;
    server
        .plan()
        .on(Operation::Put)
        .times(1)
        .fails(Fault::ApplyThenDrop);
    store.put("manifest", "ours".into(), PutMode::Create).await?;

    // The same bytes, but of somebody else, who was faster by one lost answer.
    server.plan().on(Operation::Put).times(1).fails(Fault::Drop);
    server.plant("tenant/other", "ours");
    let error = store
        .put("other", "ours".into(), PutMode::Create)
        .await
        .unwrap_err();
    assert_eq!(error.reason(), "AlreadyExists");
    Ok(())
}

#[tokio::test]
async fn a_create_never_answered_is_found_by_looking() -> Result<()> {
    let (server, store) = start().await?;
    server.plan().on(Operation::Put).fails(Fault::ApplyThenDrop);
    // Every attempt after the first meets the object and its answer is lost as well.
    store.put("manifest", "ours".into(), PutMode::Create).await?;
    assert_eq!(server.objects()["tenant/manifest"].as_ref(), b"ours");
    Ok(())
}
