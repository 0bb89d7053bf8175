//! Servers that lack what AWS has.

use anyhow::Result;
use etcd_backup_store::s3::Checksums;
use etcd_backup_store::{CreateOnly, PutMode, S3Store, Store as _};
use harness::s3::{Conditions, Fault, Operation, Quirks, S3Server};

use super::{BUCKET, PART, config, noise, perform, start, start_with, upload};

#[tokio::test]
async fn creating_again_what_is_there_tells_what_a_server_does_and_changes_nothing() -> Result<()> {
    for (put, expected) in [
        (Conditions::Enforced, CreateOnly::Enforced),
        (Conditions::Ignored, CreateOnly::Checked),
        (Conditions::Refused, CreateOnly::Checked),
    ] {
        let quirks = Quirks {
            put_conditions: put,
            ..Quirks::default()
        };
        let (server, _) = start_with(quirks).await?;
        let open = || S3Store::new(config(&server.endpoint));
        open()
            .await?
            .put("owner.json", "ours".into(), PutMode::Create)
            .await?;
        // Another process, which knows nothing yet.
        let store = open().await?;
        let found = store.creates_only("owner.json", "ours".into()).await?;
        assert_eq!(found, expected, "{put:?}");
        let objects = server.objects();
        let held: Vec<_> = objects
            .iter()
            .map(|(key, body)| (&**key, body.as_ref()))
            .collect();
        assert_eq!(held, [("tenant/owner.json", b"ours".as_slice())], "{put:?}");
        let before = server.plan().seen().len();
        store.put("next", "x".into(), PutMode::Create).await?;
        let asked = &server.plan().seen()[before..];
        let looked = asked
            .first()
            .is_some_and(|first| first.operation == Operation::Head);
        assert_eq!(looked, expected == CreateOnly::Checked, "{put:?}: {asked:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_does_not_say_what_it_does_is_not_relied_upon() -> Result<()> {
    let (server, store) = start().await?;
    store.put("owner.json", "ours".into(), PutMode::Create).await?;
    server
        .plan()
        .on(Operation::Put)
        .times(1)
        .fails(Fault::answer(403, "AccessDenied"));
    let error = store.creates_only("owner.json", "ours".into()).await.unwrap_err();
    assert_eq!(error.reason(), "PermissionDenied");
    let before = server.plan().count(Operation::Head);
    store.put("next", "x".into(), PutMode::Create).await?;
    // Once before, and once to prove what was written.
    assert_eq!(server.plan().count(Operation::Head) - before, 2);
    Ok(())
}

#[tokio::test]
async fn create_only_is_kept_by_looking_where_the_server_does_not_keep_it() -> Result<()> {
    for how in [Conditions::Ignored, Conditions::Refused] {
        for asked in [false, true] {
            let quirks = Quirks {
                put_conditions: how,
                complete_conditions: how,
                ..Quirks::default()
            };
            let (server, store) = start_with(quirks).await?;
            if asked {
                store.put("owner", "ours".into(), PutMode::Create).await?;
                store.creates_only("owner", "ours".into()).await?;
            }
            store.put("k", "first".into(), PutMode::Create).await?;
            let again = store.put("k", "second".into(), PutMode::Create).await;
            assert_eq!(again.unwrap_err().reason(), "AlreadyExists", "{how:?} {asked}");
            let again = upload(&store, "k", &noise(10)).await;
            assert_eq!(again.unwrap_err().reason(), "AlreadyExists", "{how:?} {asked}");
            assert_eq!(server.objects()["tenant/k"].as_ref(), b"first", "{how:?} {asked}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_old_server_gets_no_headers_it_does_not_know() -> Result<()> {
    let quirks = Quirks {
        checksums: false,
        metadata: false,
        ..Quirks::default()
    };
    let server = S3Server::start_with(BUCKET, quirks).await?;
    let mut config = config(&server.endpoint);
    config.checksums = Checksums::WhenRequired;
    let store = S3Store::new(config).await?;
    let whole = noise(PART + 10);
    store.put("manifest", "x".into(), PutMode::Create).await?;
    upload(&store, "data", &whole).await?;
    assert!(server.objects()["tenant/data"] == whole);
    for seen in server.plan().seen() {
        let strange = seen
            .headers
            .keys()
            .find(|name| name.as_str().contains("checksum") && name.as_str() != "x-amz-checksum-mode");
        assert_eq!(strange, None, "{:?}", seen.operation);
    }
    Ok(())
}

#[tokio::test]
async fn a_lost_answer_is_resolved_even_where_metadata_is_not_kept() -> Result<()> {
    for checksums in [true, false] {
        let quirks = Quirks {
            metadata: false,
            checksums,
            ..Quirks::default()
        };
        let (server, store) = start_with(quirks).await?;
        let lost = Fault::ApplyThenDrop;
        server
            .plan()
            .on(Operation::CompleteUpload)
            .times(1)
            .fails(lost.clone());
        upload(&store, "data", &noise(100)).await?;
        server.plan().on(Operation::Put).times(1).fails(lost);
        store.put("owner", "this".into(), PutMode::Create).await?;

        // As long, but not ours: the server tells too little, so the bytes are read.
        server.plan().on(Operation::Put).times(1).fails(Fault::Drop);
        server
            .plan()
            .on(Operation::Head)
            .times(1)
            .fails(Fault::answer(404, "NoSuchKey"));
        server.plant("tenant/other", "that");
        let refused = store.put("other", "this".into(), PutMode::Create).await;
        assert_eq!(
            refused.unwrap_err().reason(),
            "AlreadyExists",
            "checksums: {checksums}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn no_request_is_made_that_servers_are_known_to_lack() -> Result<()> {
    let (server, store) = start().await?;
    upload(&store, "data", &noise(PART + 1)).await?;
    store.put("there", "x".into(), PutMode::Create).await?;
    store.creates_only("there", "x".into()).await?;
    for operation in [
        Operation::Put,
        Operation::Get,
        Operation::Head,
        Operation::List,
        Operation::ListUploads,
        Operation::AbortUpload,
        Operation::Delete,
    ] {
        perform(&store, operation).await?;
    }
    for seen in server.plan().seen() {
        assert_ne!(seen.operation, Operation::Other, "{}", seen.query);
        // Framing that some servers store as part of the object.
        assert!(!seen.header("content-encoding").contains("aws-chunked"));
        assert!(!seen.header("x-amz-content-sha256").starts_with("STREAMING"));
        assert_eq!(seen.header("transfer-encoding"), "", "{:?}", seen.operation);
        let sends = matches!(
            seen.operation,
            Operation::Put | Operation::UploadPart | Operation::CompleteUpload | Operation::CreateUpload
        );
        if sends {
            assert_ne!(seen.header("content-length"), "", "{:?}", seen.operation);
        }
    }
    Ok(())
}
