//! Reading over a bad line.

use std::time::Duration;

use anyhow::Result;
use etcd_backup_store::{GetRange, Store as _, StoreError};
use futures::{StreamExt as _, TryStreamExt as _};
use harness::s3::{Fault, Operation, Quirks, S3Server};

use super::{noise, start, start_with};

async fn read(store: &impl etcd_backup_store::Store, range: GetRange) -> Result<Vec<u8>, StoreError> {
    let got = store.get("data", range).await?;
    let chunks: Vec<bytes::Bytes> = got.body.try_collect().await?;
    Ok(chunks.concat())
}

#[tokio::test]
async fn a_read_that_breaks_off_goes_on_where_it_was() -> Result<()> {
    let whole = noise(1_000_000);
    for clean in [false, true] {
        for after in [0, 1, 500_000, 999_999] {
            let (server, store) = start().await?;
            server.plant("tenant/data", whole.clone());
            server
                .plan()
                .on(Operation::Get)
                .times(3)
                .fails(Fault::CutAnswer { after, clean });
            let read = read(&store, GetRange::all()).await;
            assert!(
                read.is_ok_and(|read| read == whole),
                "after {after}, clean: {clean}"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_read_that_never_gets_on_ends_with_an_error_and_not_with_less() -> Result<()> {
    let (server, store) = start().await?;
    server.plant("tenant/data", noise(1_000_000));
    for clean in [false, true] {
        server.plan().clear();
        server
            .plan()
            .on(Operation::Get)
            .fails(Fault::CutAnswer { after: 0, clean });
        let error = read(&store, GetRange::all()).await.unwrap_err();
        assert_eq!(error.reason(), "StoreUnavailable", "clean: {clean}");
        assert!(error.is_transient());
    }
    Ok(())
}

#[tokio::test]
async fn a_range_that_breaks_off_ends_where_it_was_asked_to() -> Result<()> {
    let (server, store) = start().await?;
    let whole = noise(1_000_000);
    server.plant("tenant/data", whole.clone());
    let cut = Fault::CutAnswer {
        after: 100,
        clean: false,
    };
    server.plan().on(Operation::Get).times(2).fails(cut);
    let read = read(&store, GetRange::span(1_000, 5_000)).await?;
    assert!(read == whole[1_000..6_000]);
    Ok(())
}

#[tokio::test]
async fn an_object_replaced_while_it_is_read_is_not_mixed_with_its_successor() -> Result<()> {
    // Once as it should be, and once with a server that ignores If-Match.
    for ignores in [false, true] {
        let server = S3Server::start(super::BUCKET).await?;
        let mut config = super::config(&server.endpoint);
        config.timeouts.stall = Duration::from_millis(300);
        let store = etcd_backup_store::S3Store::new(config).await?;
        server.plant("tenant/data", noise(1_000_000));
        let stall = Fault::StallAnswer { after: 400_000 };
        server.plan().on(Operation::Get).times(1).fails(stall);
        if ignores {
            server.plan().on(Operation::Get).fails(Fault::IgnoreConditions);
        }
        let mut body = store.get("data", GetRange::all()).await?.body;
        body.next().await.unwrap()?;
        server.plant("tenant/data", vec![7; 1_000_000]);
        let rest = body.try_collect::<Vec<_>>().await.map(|rest| rest.concat().len());
        assert_eq!(
            rest.unwrap_err().reason(),
            "Changed",
            "ignores If-Match: {ignores}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn another_range_than_was_asked_for_is_refused() -> Result<()> {
    for wrong in [
        "bytes 0-4999/1000000",
        "bytes 1000-5999/999",
        "bytes 1000-6000/1000000",
        "nonsense",
    ] {
        let (server, store) = start().await?;
        server.plant("tenant/data", noise(1_000_000));
        let header = Fault::Header {
            name: "content-range",
            value: wrong.to_owned(),
        };
        server.plan().on(Operation::Get).fails(header);
        let error = read(&store, GetRange::span(1_000, 5_000)).await.unwrap_err();
        assert_eq!(error.reason(), "Corrupted", "{wrong}");
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_sends_everything_instead_of_the_range_is_understood() -> Result<()> {
    let (server, store) = start().await?;
    let whole = noise(1_000_000);
    server.plant("tenant/data", whole.clone());
    server.plan().on(Operation::Get).fails(Fault::IgnoreRange);
    assert!(read(&store, GetRange::span(1_000, 5_000)).await? == whole[1_000..6_000]);
    assert!(read(&store, GetRange::from(999_000)).await? == whole[999_000..]);
    Ok(())
}

#[tokio::test]
async fn bytes_altered_on_their_way_back_are_noticed() -> Result<()> {
    let (server, store) = start().await?;
    server.plant("tenant/data", noise(100_000));
    server.plan().on(Operation::Get).fails(Fault::FlipAnswer);
    let error = read(&store, GetRange::all()).await.unwrap_err();
    assert_eq!(error.reason(), "Corrupted");
    Ok(())
}

#[tokio::test]
async fn bytes_are_bytes_whatever_encoding_a_header_claims() -> Result<()> {
    let (server, store) = start().await?;
    let whole = noise(1_000);
    server.plant("tenant/data", whole.clone());
    let gzip = Fault::Header {
        name: "content-encoding",
        value: "gzip".to_owned(),
    };
    server.plan().on(Operation::Get).fails(gzip);
    assert!(read(&store, GetRange::all()).await? == whole);
    Ok(())
}

#[tokio::test]
async fn a_read_without_checksums_still_has_its_length() -> Result<()> {
    let quirks = Quirks {
        checksums: false,
        ..Quirks::default()
    };
    let (server, store) = start_with(quirks).await?;
    let whole = noise(1_000);
    server.plant("tenant/data", whole.clone());
    let cut = |after| Fault::CutAnswer { after, clean: true };
    server.plan().on(Operation::Get).times(1).fails(cut(999));
    assert!(read(&store, GetRange::all()).await? == whole);
    server.plan().on(Operation::Get).fails(cut(0));
    let outcome = read(&store, GetRange::all()).await.map(|read| read.len());
    assert_eq!(outcome.unwrap_err().reason(), "StoreUnavailable");
    Ok(())
}

#[tokio::test]
async fn a_read_that_stands_still_is_given_up() -> Result<()> {
    let server = S3Server::start(super::BUCKET).await?;
    let mut config = super::config(&server.endpoint);
    config.timeouts.stall = Duration::from_millis(300);
    let store = etcd_backup_store::S3Store::new(config).await?;
    let whole = noise(1_000_000);
    server.plant("tenant/data", whole.clone());
    let stall = Fault::StallAnswer { after: 1_000 };
    server.plan().on(Operation::Get).times(2).fails(stall.clone());
    assert!(read(&store, GetRange::all()).await? == whole, "twice is survived");
    server
        .plan()
        .on(Operation::Get)
        .fails(Fault::StallAnswer { after: 0 });
    let error = read(&store, GetRange::all()).await.unwrap_err();
    assert_eq!(error.reason(), "Timeout");
    Ok(())
}
