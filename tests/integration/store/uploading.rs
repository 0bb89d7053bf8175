//! Uploads, and what Complete may answer.

use std::time::Duration;

use anyhow::Result;
use etcd_backup_store::{PutMode, Store as _};
use harness::s3::{Damage, Fault, Operation, S3Server};

use super::{PART, noise, start, upload};

fn body() -> bytes::Bytes {
    noise(2 * PART + 1000)
}

#[tokio::test]
async fn complete_is_believed_only_when_the_object_is_there() -> Result<()> {
    let whole = body();
    for fault in [
        Fault::ErrorInside200,
        Fault::EmptyAnswer { apply: false },
        Fault::EmptyAnswer { apply: true },
        Fault::HalfAnswer,
        Fault::ApplyThenDrop,
        Fault::CutAnswer {
            after: 10,
            clean: false,
        },
        Fault::BlanksFirst {
            blanks: 5,
            every: Duration::from_millis(50),
        },
    ] {
        let (server, store) = start().await?;
        server
            .plan()
            .on(Operation::CompleteUpload)
            .times(1)
            .fails(fault.clone());
        let outcome = upload(&store, "data", &whole).await;
        assert!(outcome.is_ok(), "{fault:?}: {outcome:?}");
        assert!(server.objects()["tenant/data"] == whole, "{fault:?}");
        assert_eq!(server.open_uploads(), [""; 0], "{fault:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_complete_that_never_happens_is_a_failure_and_the_upload_is_aborted() -> Result<()> {
    for fault in [
        Fault::ErrorInside200,
        Fault::EmptyAnswer { apply: false },
        Fault::Drop,
        Fault::answer(403, "AccessDenied"),
    ] {
        let (server, store) = start().await?;
        server.plan().on(Operation::CompleteUpload).fails(fault.clone());
        let outcome = upload(&store, "data", &body()).await;
        assert!(outcome.is_err(), "{fault:?}");
        assert!(server.objects().is_empty(), "{fault:?}");
        assert_eq!(server.open_uploads(), [""; 0], "{fault:?}");
    }
    Ok(())
}

#[tokio::test]
async fn only_the_part_that_broke_is_sent_again() -> Result<()> {
    for after in [0, 1, PART as u64 - 1] {
        let (server, store) = start().await?;
        let cut = Fault::DropMidRequest { after };
        server
            .plan()
            .on(Operation::UploadPart)
            .skip(1)
            .times(1)
            .fails(cut);
        let whole = body();
        upload(&store, "data", &whole).await?;
        assert!(server.objects()["tenant/data"] == whole);
        assert_eq!(
            server.plan().count(Operation::UploadPart),
            4,
            "three parts and one again"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_part_altered_on_the_way_is_sent_again_and_one_altered_for_good_fails() -> Result<()> {
    let (server, store) = start().await?;
    let altered = Fault::Corrupt(Damage::FlipAndTell);
    server
        .plan()
        .on(Operation::UploadPart)
        .times(1)
        .fails(altered.clone());
    let whole = body();
    upload(&store, "data", &whole).await?;
    assert!(server.objects()["tenant/data"] == whole);

    server.plan().on(Operation::UploadPart).fails(altered);
    let error = upload(&store, "other", &whole).await.unwrap_err();
    assert_eq!(error.reason(), "Corrupted");
    assert_eq!(server.open_uploads(), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn a_part_stored_short_is_found_before_anything_is_called_a_backup() -> Result<()> {
    let (server, store) = start().await?;
    // The checksum told is that of what arrived: the server lies, and only the length gives it away.
    let short = Fault::Corrupt(Damage::Truncate(1));
    server.plan().on(Operation::UploadPart).skip(2).fails(short);
    let error = upload(&store, "data", &body()).await.unwrap_err();
    assert_eq!(error.reason(), "Corrupted", "{error}");
    assert!(
        server.objects().is_empty(),
        "what is known to be wrong is taken away"
    );
    Ok(())
}

#[tokio::test]
async fn a_put_stored_wrongly_is_found_and_taken_away() -> Result<()> {
    for damage in [Damage::FlipAndTell, Damage::Truncate(1)] {
        let (server, store) = start().await?;
        server.plan().on(Operation::Put).fails(Fault::Corrupt(damage));
        let outcome = store.put("manifest", noise(1000), PutMode::Create).await;
        assert_eq!(outcome.unwrap_err().reason(), "Corrupted", "{damage:?}");
        assert!(server.objects().is_empty(), "{damage:?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_entity_tag_is_not_taken_for_a_hash() -> Result<()> {
    let (server, store) = start().await?;
    let strange = Fault::Header {
        name: "etag",
        value: "\"not-an-md5-of-anything\"".to_owned(),
    };
    server.plan().on(Operation::Put).fails(strange);
    store.put("k", "x".into(), PutMode::Create).await?;
    Ok(())
}

#[tokio::test]
async fn an_upload_that_somebody_aborted_says_so() -> Result<()> {
    let (server, store) = start().await?;
    let upload = store.upload("data").await?;
    upload.part(1, noise(100)).await?;
    let found = store.list_uploads("").await?;
    store.abort_upload(&found[0]).await?;
    assert_eq!(
        upload.part(2, noise(100)).await.unwrap_err().reason(),
        "NoSuchUpload"
    );
    assert_eq!(upload.complete().await.unwrap_err().reason(), "NoSuchUpload");
    assert!(server.objects().is_empty());
    Ok(())
}

#[tokio::test]
async fn uploads_of_others_are_neither_listed_nor_touched() -> Result<()> {
    let server = S3Server::start(super::BUCKET).await?;
    let mut theirs = super::config(&server.endpoint);
    theirs.prefix = "tenant-2".to_owned();
    let theirs = etcd_backup_store::S3Store::new(theirs).await?;
    let ours = etcd_backup_store::S3Store::new(super::config(&server.endpoint)).await?;
    let _open = theirs.upload("data").await?;
    let _own = ours.upload("data").await?;
    let found = ours.list_uploads("").await?;
    assert_eq!(found.len(), 1, "{found:?}");
    ours.abort_upload(&found[0]).await?;
    assert_eq!(server.open_uploads().len(), 1);
    Ok(())
}
