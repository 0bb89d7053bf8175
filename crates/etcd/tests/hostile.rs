//! Members, and things that are none, that do not behave: over real connections, each within a deadline.

mod fake;

use std::time::{Duration, Instant};

use etcd_backup_dial::DialPolicy;
use etcd_backup_etcd::{ChoosePolicy, Cluster, Config, EtcdError, SnapshotStream, choose};
use fake::{Fake, Script, config, message, playing};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tonic::Status;

const SOON: Duration = Duration::from_secs(10);

#[expect(
    clippy::expect_used,
    reason = "a helper of tests; clippy knows a test only by its attribute"
)]
/// Reads to the end; how many bytes, or why not.
async fn read(fake: &Fake) -> Result<usize, EtcdError> {
    let cluster = fake.cluster();
    let reading = async {
        let snapshot = cluster.snapshot(&fake.endpoint()).await?;
        snapshot
            .try_fold(0, |sum, bytes| async move { Ok(sum + bytes.len()) })
            .await
    };
    timeout(SOON, reading).await.expect("reading did not end")
}

fn nothing() -> stream::Empty<Result<etcd_client::proto::PbSnapshotResponse, Status>> {
    stream::empty()
}

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

#[tokio::test]
async fn etcds_own_words_are_repeated_and_nobody_elses() {
    for (status, reason, shown) in [
        (
            Status::permission_denied("etcdserver: permission denied"),
            "PermissionDenied",
            "role root",
        ),
        (
            Status::invalid_argument("etcdserver: user name is empty"),
            "AuthenticationFailed",
            "none was given",
        ),
        (
            Status::invalid_argument("etcdserver: authentication failed, invalid user ID or password"),
            "AuthenticationFailed",
            "is wrong",
        ),
        (
            Status::unauthenticated("etcdserver: invalid auth token"),
            "AuthenticationFailed",
            "password changed",
        ),
        (
            Status::unavailable("etcdserver: no leader"),
            "NoQuorum",
            "no leader",
        ),
        (
            Status::unavailable("etcdserver: request timed out"),
            "NoQuorum",
            "request timed out",
        ),
        (
            Status::unavailable("etcdserver: too many requests"),
            "EtcdError",
            "too many requests",
        ),
        (Status::unknown("canary <html>"), "Unreachable", "Unknown"),
        (
            Status::permission_denied("canary"),
            "PermissionDenied",
            "role root",
        ),
    ] {
        let told = status.clone();
        let fake = Fake::start(Script {
            snapshot: Box::new(move || Err(told.clone())),
            ..Script::default()
        })
        .await;
        let error = read(&fake).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert_eq!(error.reason(), reason, "{text}");
        assert!(text.contains(shown) && !text.contains("canary"), "{text}");
    }
}

#[tokio::test]
async fn a_tarpit_and_a_closed_port_cost_one_deadline_and_the_others_answer() {
    let tarpits = [
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
    ];
    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let fake = Fake::start(Script::default()).await;
    let mut endpoints: Vec<String> = tarpits
        .iter()
        .map(|t| format!("http://{}", t.local_addr().unwrap()))
        .collect();
    endpoints.extend([format!("http://{closed}"), fake.endpoint()]);
    let cluster = Cluster::new(config(endpoints)).unwrap();

    let started = Instant::now();
    let survey = timeout(SOON, cluster.survey())
        .await
        .expect("the survey did not end");
    assert!(
        started.elapsed() < Duration::from_secs(4),
        "deadlines add up: {:?}",
        started.elapsed()
    );
    let reasons: Vec<_> = survey
        .probes
        .iter()
        .map(|p| p.status.as_ref().map_err(EtcdError::reason))
        .collect();
    assert!(
        matches!(
            reasons[..],
            [Err("Unreachable"), Err("Unreachable"), Err("Unreachable"), Ok(_)]
        ),
        "{reasons:?}"
    );
    assert_eq!(
        choose(&survey, &ChoosePolicy::default()).unwrap().endpoint,
        fake.endpoint()
    );
}

#[tokio::test]
async fn a_web_server_is_not_taken_for_etcd_and_its_page_is_not_shown() {
    let web = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", web.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = web.accept().await {
            let page = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ncanary";
            let _ = TcpStream::write_all(&mut stream, page).await;
        }
    });
    let cluster = Cluster::new(config([endpoint])).unwrap();
    let survey = timeout(SOON, cluster.survey()).await.unwrap();
    let error = survey.probes[0].status.as_ref().unwrap_err();
    assert_eq!(error.reason(), "Unreachable");
    assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    serving.abort();
}

#[tokio::test]
async fn the_default_policy_refuses_a_loopback_member_before_a_packet_is_sent() {
    let fake = Fake::start(Script::default()).await;
    let refused = |endpoint: String| {
        Cluster::new(Config {
            policy: DialPolicy::default(),
            ..config([endpoint])
        })
        .expect_err("accepted")
    };
    assert_eq!(refused(fake.endpoint()).reason(), "EndpointRefused");
    assert_eq!(
        refused(format!("http://localhost:{}", fake.address.port())).reason(),
        "EndpointRefused"
    );
    let secret = refused("http://user:canary@10.0.0.1:2379".into());
    assert_eq!(secret.reason(), "EndpointRefused");
    assert!(!format!("{secret} {secret:?}").contains("canary"), "{secret:?}");
}

#[tokio::test]
async fn a_configuration_that_cannot_work_is_refused_with_the_reason() {
    let refused = |config: Config, expected: &str| {
        let error = Cluster::new(config).expect_err(expected);
        assert_eq!(
            (error.reason(), error.is_transient()),
            ("InvalidConfiguration", false)
        );
        assert!(error.to_string().contains(expected), "{error}");
    };
    refused(config([]), "no endpoint");
    refused(config((0..65).map(|n| format!("http://10.0.0.{n}:2379"))), "64");
    refused(config(["http://10.0.0.1:2379/v3".into()]), "path");
    let with_tls = Config {
        tls: Some(etcd_backup_etcd::Tls::default()),
        ..config(["http://10.0.0.1:2379".into()])
    };
    refused(with_tls, "in the clear");
    let unknown = Cluster::new(config(["http://10.0.0.1:2379".into()])).unwrap();
    assert_eq!(
        unknown
            .snapshot("http://10.0.0.2:2379")
            .await
            .unwrap_err()
            .reason(),
        "InvalidConfiguration"
    );
}

#[test]
fn what_the_operator_spawns_can_move_between_threads() {
    fn movable<T: Send>(_: T) {}
    fn value<T: Send + 'static>() {}
    fn check(cluster: &Cluster) {
        movable(cluster.survey());
        movable(cluster.linearizable_revision(""));
        movable(cluster.snapshot(""));
        movable(cluster.hash_kv("", 0));
    }
    let _ = check;
    value::<Cluster>();
    value::<SnapshotStream>();
    value::<EtcdError>();
}
