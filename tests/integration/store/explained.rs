//! What an error says beyond its reason.

use std::time::{Duration, SystemTime};

use anyhow::Result;
use chrono::{DateTime, Utc};
use etcd_backup_store::{PutMode, Store as _, StoreError};
use harness::s3::{Fault, Operation, S3Server};

use super::{everything, start};

#[tokio::test]
async fn the_region_is_named_when_the_server_names_it() -> Result<()> {
    let (server, store) = start().await?;
    let elsewhere = Fault::answer_with(301, "PermanentRedirect", "x-amz-bucket-region", "eu-central-1");
    server.plan().on_any().fails(elsewhere);
    let error = store.list("", None).await.unwrap_err();
    assert!(error.to_string().contains("it is in eu-central-1"), "{error}");
    assert!(error.to_string().contains("not in region us-east-1"), "{error}");

    server.plan().clear();
    let malformed = Fault::SignedForAnotherRegion { actual: "ap-south-1" };
    server.plan().on_any().fails(malformed);
    let error = store.list("", None).await.unwrap_err();
    assert_eq!(error.reason(), "WrongRegion");
    assert!(error.to_string().contains("it is in ap-south-1"), "{error}");
    Ok(())
}

#[tokio::test]
async fn clock_skew_is_reported_with_its_size() -> Result<()> {
    let (server, store) = start().await?;
    let then: DateTime<Utc> = (SystemTime::now() - Duration::from_hours(1)).into();
    let date = then.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let skewed = Fault::answer_with(403, "RequestTimeTooSkewed", "date", &date);
    server.plan().on(Operation::Put).fails(skewed);
    let error = store.put("k", "x".into(), PutMode::Create).await.unwrap_err();
    let StoreError::ClockSkew {
        offset_seconds: Some(offset),
        ..
    } = error
    else {
        panic!("{error}")
    };
    assert!((-3610..=-3590).contains(&offset), "{offset}");
    assert_eq!(store.clock_offset(), Some(offset));
    // From then on the SDK signs by that date, which the server refuses once. Without a refusal the difference is known all the
    // same, and as of the last answer.
    let _ = store.list("", None).await;
    store.list("", None).await?;
    let offset = store.clock_offset().expect("the answer has a date");
    assert!((-10..=10).contains(&offset), "{offset}");
    assert_eq!(
        server.plan().count(Operation::Put),
        1,
        "it does not pass by trying"
    );
    Ok(())
}

#[tokio::test]
async fn what_the_server_asks_to_wait_is_waited() -> Result<()> {
    let (server, store) = start().await?;
    let wait = Fault::answer_with(503, "SlowDown", "retry-after", "1");
    server.plan().on(Operation::List).times(1).fails(wait);
    let begun = tokio::time::Instant::now();
    store.list("", None).await?;
    assert!(begun.elapsed() >= Duration::from_secs(1));

    // Longer than anyone should wait inside a call: the caller decides.
    let later = Fault::answer_with(503, "SlowDown", "retry-after", "3600");
    server.plan().on(Operation::List).fails(later);
    let error = store.list("", None).await.unwrap_err();
    let StoreError::Throttled { retry_after, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(retry_after, Some(Duration::from_hours(1)));
    Ok(())
}

#[tokio::test]
async fn a_bucket_that_vanishes_is_said_and_never_made_again() -> Result<()> {
    let (server, store) = start().await?;
    let upload = store.upload("k").await?;
    upload.part(1, "x".into()).await?;
    server.remove_bucket();
    let error = upload.part(2, "x".into()).await.unwrap_err();
    assert_eq!(error.reason(), "NoSuchBucket");
    assert!(
        error.to_string().contains("bucket backups does not exist"),
        "{error}"
    );
    assert_eq!(store.list("", None).await.unwrap_err().reason(), "NoSuchBucket");
    let put = store.put("k", "x".into(), PutMode::Create).await;
    assert_eq!(put.unwrap_err().reason(), "NoSuchBucket");
    assert_eq!(
        server.plan().count(Operation::Other),
        0,
        "something else was asked for"
    );
    Ok(())
}

#[tokio::test]
async fn a_delete_refused_by_a_policy_is_told_from_one_refused_by_a_retention() -> Result<()> {
    let (server, store) = start().await?;
    server.plant("tenant/there", "x");
    server
        .plan()
        .on(Operation::Delete)
        .fails(Fault::answer(403, "AccessDenied"));
    let error = store.delete("there").await.unwrap_err();
    assert!(error.to_string().contains("needs s3:DeleteObject"), "{error}");

    let until = "2099-01-02T03:04:05Z";
    let locked = Fault::Header {
        name: "x-amz-object-lock-retain-until-date",
        value: until.to_owned(),
    };
    server.plan().on(Operation::Head).fails(locked);
    let error = store.delete("there").await.unwrap_err();
    assert_eq!(error.reason(), "Locked");
    assert!(error.to_string().contains(until), "{error}");
    Ok(())
}

#[tokio::test]
async fn nobody_listening_and_no_such_host_are_unavailable_and_say_so() -> Result<()> {
    let server = S3Server::start(super::BUCKET).await?;
    let mut config = super::config(&server.endpoint);
    drop(server);
    let store = etcd_backup_store::S3Store::new(config.clone()).await?;
    let wait = Duration::from_secs(5);
    // The port is closed once the server's task has ended.
    let refused = async {
        loop {
            let error = store.list("", None).await.unwrap_err();
            if everything(&error).contains("refused") {
                return error;
            }
        }
    };
    let error = tokio::time::timeout(wait, refused).await?;
    assert_eq!(error.reason(), "StoreUnavailable");

    config.endpoint = Some("http://no-such-host.invalid".to_owned());
    let store = etcd_backup_store::S3Store::new(config).await?;
    let error = store.list("", None).await.unwrap_err();
    assert_eq!(error.reason(), "StoreUnavailable");
    assert!(
        everything(&error).contains("no-such-host.invalid"),
        "{}",
        everything(&error)
    );
    Ok(())
}
