//! What a configuration makes of the requests.

use std::time::{Duration, SystemTime};

use anyhow::Result;
use chrono::{DateTime, Utc};
use etcd_backup_store::s3::{Checksums, LockMode, ObjectLock, PayloadSigning, S3Config, Sse};
use etcd_backup_store::{PutMode, S3Store, Store as _, StoreError};
use harness::s3::{Operation, S3Server, Seen};

use super::{BUCKET, config, noise, upload};

/// What is sent for a put and for the beginning of an upload.
async fn sent(change: impl Fn(&mut S3Config)) -> Result<Vec<Seen>> {
    let server = S3Server::start(BUCKET).await?;
    let mut config = config(&server.endpoint);
    change(&mut config);
    let store = S3Store::new(config).await?;
    store.put("k", "x".into(), PutMode::Create).await?;
    upload(&store, "data", &noise(100)).await?;
    let mut requests = server.plan().seen();
    requests.retain(|seen| matches!(seen.operation, Operation::Put | Operation::CreateUpload));
    assert_eq!(requests.len(), 2);
    Ok(requests)
}

#[tokio::test]
async fn storage_class_and_encryption_are_asked_for() -> Result<()> {
    let requests = sent(|config| {
        config.storage_class = Some("STANDARD_IA".to_owned());
        config.sse = Some(Sse::Kms {
            key_id: Some("alias/backups".to_owned()),
        });
    })
    .await?;
    for seen in requests {
        assert_eq!(seen.header("x-amz-storage-class"), "STANDARD_IA");
        assert_eq!(seen.header("x-amz-server-side-encryption"), "aws:kms");
        assert_eq!(
            seen.header("x-amz-server-side-encryption-aws-kms-key-id"),
            "alias/backups"
        );
    }
    for seen in sent(|config| config.sse = Some(Sse::Aes256)).await? {
        assert_eq!(seen.header("x-amz-server-side-encryption"), "AES256");
    }
    Ok(())
}

#[tokio::test]
async fn a_retention_is_asked_for_and_its_end_is_told_when_it_refuses() -> Result<()> {
    let server = S3Server::start(BUCKET).await?;
    let mut config = config(&server.endpoint);
    let until: DateTime<Utc> = (SystemTime::now() + Duration::from_hours(24)).into();
    config.object_lock = Some(ObjectLock {
        mode: LockMode::Compliance,
        retain_until: until,
    });
    let store = S3Store::new(config).await?;
    upload(&store, "data", &noise(100)).await?;
    let error = store.delete("data").await.unwrap_err();
    let StoreError::Locked { until: told, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(told.map(|told| told.timestamp()), Some(until.timestamp()));
    Ok(())
}

#[tokio::test]
async fn a_locked_bucket_of_an_old_server_gets_the_digest_it_insists_on() -> Result<()> {
    let until: DateTime<Utc> = (SystemTime::now() + Duration::from_hours(24)).into();
    let requests = sent(|config| {
        config.checksums = Checksums::WhenRequired;
        config.object_lock = Some(ObjectLock {
            mode: LockMode::Governance,
            retain_until: until,
        });
    })
    .await?;
    // MD5 of "x".
    assert_eq!(requests[0].header("content-md5"), "ndTkYSaMgDT1yFZOFVxnpg==");
    assert_eq!(requests[0].header("x-amz-object-lock-mode"), "GOVERNANCE");
    Ok(())
}

#[tokio::test]
async fn bodies_are_signed_over_plain_http_and_where_it_is_asked() -> Result<()> {
    for (signing, signed) in [
        (PayloadSigning::WhenPlaintext, true),
        (PayloadSigning::Always, true),
        (PayloadSigning::Never, false),
    ] {
        let requests = sent(|config| config.payload_signing = signing).await?;
        let hash = requests[0].header("x-amz-content-sha256");
        assert_eq!(hash != "UNSIGNED-PAYLOAD", signed, "{signing:?}: {hash}");
    }
    Ok(())
}
