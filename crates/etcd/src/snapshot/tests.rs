use std::time::Duration;

use futures::{FutureExt, TryStreamExt, stream};
use tokio::time::{Instant, sleep};

use super::*;

const TIMEOUTS: Timeouts = Timeouts {
    idle: Duration::from_secs(30),
    connect: Duration::from_secs(1),
    request: Duration::from_secs(1),
    min_bytes_per_second: Some(1024),
    throughput_window: Duration::from_mins(1),
    keepalive_interval: Duration::from_secs(1),
    keepalive_timeout: Duration::from_secs(1),
};

fn message(remaining: u64, length: usize) -> Message {
    Message {
        remaining,
        blob: Bytes::from(vec![7; length]),
        version: "3.6.0".into(),
    }
}

async fn open(messages: impl Stream<Item = Message> + Send + 'static) -> Result<SnapshotStream, EtcdError> {
    SnapshotStream::start("http://etcd.test:2379", messages.map(Ok).boxed(), TIMEOUTS).await
}

/// One message after each pause.
fn paced(pause: Duration, messages: Vec<Message>) -> impl Stream<Item = Message> + Send {
    stream::iter(messages).then(move |message| sleep(pause).map(|()| message))
}

#[tokio::test]
async fn a_whole_stream_is_yielded_with_its_size_and_version_known_from_the_start() {
    let snapshot = open(stream::iter([
        message(4096, 4096),
        message(0, 4096),
        message(0, 32),
    ]))
    .await
    .unwrap();
    assert_eq!(snapshot.total_bytes(), 8224);
    assert_eq!(snapshot.storage_version(), Some("3.6.0"));
    let pieces: Vec<Bytes> = snapshot.try_collect().await.unwrap();
    assert_eq!(
        pieces.iter().map(Bytes::len).collect::<Vec<_>>(),
        [4096, 4096, 32]
    );
}

#[tokio::test]
async fn endless_empty_messages_end_at_the_first_and_let_go_of_the_member() {
    let endless = stream::iter([message(4096, 4096)]).chain(stream::repeat_with(|| message(4096, 0)));
    let mut snapshot = open(endless).await.unwrap();
    assert!(snapshot.next().await.unwrap().is_ok());
    let error = snapshot.next().await.unwrap().unwrap_err();
    assert_eq!(error.reason(), "StreamBroken");
    assert!(error.is_transient());
    assert!(snapshot.source.is_none(), "the stream is still open");
    assert!(snapshot.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn silence_is_a_stall_after_the_idle_time_and_not_before() {
    let silent = stream::iter([message(4096, 4096)]).chain(stream::pending());
    let mut snapshot = open(silent).await.unwrap();
    snapshot.next().await.unwrap().unwrap();
    let asked = Instant::now();
    let error = snapshot.next().await.unwrap().unwrap_err();
    assert_eq!(error.reason(), "Stalled");
    assert_eq!(asked.elapsed().as_secs(), 30);
    assert!(error.to_string().contains("4096 of 8224 bytes"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn silence_before_the_first_message_is_a_stall_too() {
    let error = open(stream::pending()).await.unwrap_err();
    assert_eq!(error.reason(), "Stalled");
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_takes_its_time_does_not_make_the_member_stall() {
    let mut snapshot = open(stream::iter([
        message(4096, 4096),
        message(0, 4096),
        message(0, 32),
    ]))
    .await
    .unwrap();
    while let Some(piece) = snapshot.next().await {
        piece.unwrap();
        sleep(Duration::from_hours(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_trickle_below_the_minimum_throughput_is_a_stall() {
    let trickle = (0..64).map(|n| message((63 - n) * 512, 512)).collect();
    let snapshot = open(paced(Duration::from_secs(5), trickle)).await.unwrap();
    let started = Instant::now();
    let error = snapshot.try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.reason(), "Stalled");
    assert!(error.to_string().contains("1024 a second"), "{error}");
    assert!(started.elapsed() <= Duration::from_secs(65));
}

#[tokio::test(start_paused = true)]
async fn a_slow_but_sufficient_stream_is_left_alone() {
    let mut messages: Vec<_> = (0..40).map(|n| message((39 - n) * 65536, 65536)).collect();
    messages.push(message(0, 32));
    let snapshot = open(paced(Duration::from_secs(20), messages)).await.unwrap();
    let pieces: Vec<Bytes> = snapshot.try_collect().await.unwrap();
    assert_eq!(pieces.len(), 41);
}

#[tokio::test]
async fn a_stream_that_ends_early_or_without_its_trailer_is_an_error() {
    for (messages, problem) in [
        (vec![message(4096, 4096)], StreamProblem::Truncated),
        (vec![message(0, 4096)], StreamProblem::TrailerMissing),
        (
            vec![message(0, 4096), message(0, 32), message(0, 32)],
            StreamProblem::BytesAfterTrailer,
        ),
    ] {
        let error = open(stream::iter(messages))
            .await
            .unwrap()
            .try_collect::<Vec<_>>()
            .await
            .unwrap_err();
        assert!(
            matches!(&error, EtcdError::StreamBroken { problem: found, .. } if *found == problem),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_huge_version_is_refused() {
    let mut first = message(0, 4096);
    first.version = "9".repeat(1 << 20);
    let error = open(stream::iter([first])).await.unwrap_err();
    assert_eq!(error.reason(), "StreamBroken");
    assert!(error.to_string().len() < 200);
}

#[tokio::test]
async fn an_error_of_the_connection_mid_stream_is_transient_whatever_its_code() {
    for code in [
        tonic::Code::Unknown,
        tonic::Code::Internal,
        tonic::Code::Cancelled,
        tonic::Code::PermissionDenied,
    ] {
        let failing = stream::iter([
            Ok(message(4096, 4096)),
            Err(tonic::Status::new(code, "h2 protocol error: secret").into()),
        ]);
        let snapshot = SnapshotStream::start("http://etcd.test", failing.boxed(), TIMEOUTS)
            .await
            .unwrap();
        let error = snapshot.try_collect::<Vec<_>>().await.unwrap_err();
        assert_eq!(
            (error.reason(), error.is_transient()),
            ("StreamBroken", true),
            "{error}"
        );
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
