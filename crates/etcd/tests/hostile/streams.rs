//! Streams of snapshots that break, stop or lie.

use super::*;

#[tokio::test]
async fn a_well_behaved_stream_arrives_whole() {
    let fake = Fake::start(playing(
        vec![message(32768, 32768), message(0, 32768), message(0, 32)],
        nothing,
    ))
    .await;
    assert_eq!(read(&fake).await.unwrap(), 65568);
}

#[tokio::test]
async fn every_kind_of_broken_stream_is_refused() {
    let huge_version = etcd_client::proto::PbSnapshotResponse {
        version: "9".repeat(1 << 20),
        ..message(0, 4096)
    };
    for (case, messages) in [
        ("rising", vec![message(8192, 4096), message(8192, 4096)]),
        ("negative", vec![message(u64::MAX, 4096)]),
        (
            "negative later",
            vec![message(4096, 4096), message(u64::MAX - 10, 4096)],
        ),
        ("no trailer", vec![message(0, 4096)]),
        ("short trailer", vec![message(0, 4096), message(0, 16)]),
        ("long trailer", vec![message(0, 4096), message(0, 64)]),
        (
            "after the trailer",
            vec![message(0, 4096), message(0, 32), message(0, 1)],
        ),
        ("no whole sectors", vec![message(0, 4000), message(0, 32)]),
        ("early end", vec![message(4096, 4096)]),
        ("nothing at all", vec![]),
        ("an empty message", vec![message(4096, 4096), message(4096, 0)]),
        ("a huge version", vec![huge_version]),
    ] {
        let fake = Fake::start(playing(messages, nothing)).await;
        let error = read(&fake).await.expect_err(case);
        assert_eq!(
            (error.reason(), error.is_transient()),
            ("StreamBroken", true),
            "{case}: {error}"
        );
        assert!(error.to_string().contains(&fake.endpoint()), "{case}: {error}");
        assert!(error.to_string().len() < 300, "{case}: {error}");
    }
}

#[tokio::test]
async fn endless_empty_messages_end_at_once() {
    let fake = Fake::start(playing(vec![message(4096, 4096)], || {
        stream::repeat_with(|| Ok(message(4096, 0)))
    }))
    .await;
    assert_eq!(read(&fake).await.unwrap_err().reason(), "StreamBroken");
}

#[tokio::test]
async fn a_message_beyond_the_limit_of_grpc_does_not_fill_the_memory() {
    let fake = Fake::start(playing(vec![message(0, 64 << 20)], nothing)).await;
    assert!(read(&fake).await.is_err());
}

#[tokio::test]
async fn silence_in_the_middle_and_at_the_start_are_stalls() {
    for messages in [vec![message(4096, 4096)], vec![]] {
        let fake = Fake::start(playing(messages, stream::pending)).await;
        let error = read(&fake).await.unwrap_err();
        assert_eq!(
            (error.reason(), error.is_transient()),
            ("Stalled", true),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_never_comes_is_a_timeout_or_a_stall() {
    let fake = Fake::start(Script {
        snapshot: Box::new(|| Ok(stream::pending().boxed())),
        ..Script::default()
    })
    .await;
    let started = Instant::now();
    let error = read(&fake).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_member_that_dies_in_the_middle_is_a_transient_break() {
    let fake = Fake::start(playing(vec![message(4096, 4096)], stream::pending)).await;
    let cluster = fake.cluster();
    let mut snapshot: SnapshotStream = cluster.snapshot(&fake.endpoint()).await.unwrap();
    snapshot.next().await.unwrap().unwrap();
    drop(fake);
    let error = timeout(SOON, snapshot.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap_err();
    assert!(matches!(error.reason(), "StreamBroken" | "Stalled"), "{error:?}");
    assert!(error.is_transient());
}
