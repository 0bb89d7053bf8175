//! What listens there and is no healthy member, and what may not be dialled at all.

use super::*;

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
