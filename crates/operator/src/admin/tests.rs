use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::advance;
use tower::ServiceExt;

use super::{Check, Health, health_router, metrics_router, serve};
use crate::lease::Leadership;
use crate::metrics::Metrics;

async fn get(router: Router, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router.oneshot(request).await.unwrap();
    let code = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (code, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn readiness_waits_for_every_check_and_names_the_missing_one() {
    let health = Health::new();
    assert_eq!(
        get(health_router(health.clone()), "/readyz").await.0,
        StatusCode::SERVICE_UNAVAILABLE
    );
    health.ready(Check::Definitions);
    health.ready(Check::Plans);
    health.not_ready(Check::Snapshots, "cannot list etcdsnapshots");
    let (code, text) = get(health_router(health.clone()), "/readyz").await;
    assert_eq!(code, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        text.contains("[+]plans ok") && text.contains("[-]snapshots failed: cannot list etcdsnapshots"),
        "{text}"
    );
    health.ready(Check::Snapshots);
    health.ready(Check::Restores);
    health.ready(Check::Namespaces);
    assert_eq!(get(health_router(health), "/readyz").await.0, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_process_whose_event_loop_is_stuck_is_not_alive() {
    let health = Health::new();
    let beating = tokio::spawn(health.clone().keep_beating());
    for _ in 0..120 {
        advance(Duration::from_secs(1)).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(
        get(health_router(health.clone()), "/healthz").await.0,
        StatusCode::OK
    );
    beating.abort();
    advance(Duration::from_secs(31)).await;
    assert_eq!(
        get(health_router(health), "/healthz").await.0,
        StatusCode::SERVICE_UNAVAILABLE
    );
}

#[tokio::test]
async fn metrics_are_served_as_open_metrics_over_http_until_shutdown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let router = metrics_router(Arc::new(Metrics::new(Leadership::always())));
    let server = tokio::spawn(serve(listener, router, async move { drop(stopped.await) }));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(
        answer.contains("application/openmetrics-text; version=1.0.0"),
        "{answer}"
    );
    assert!(answer.contains("etcd_backup_leader 1"), "{answer}");
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
}
