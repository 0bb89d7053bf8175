//! The one HTTP request that readiness needs: GET without TLS, on this machine.

use anyhow::{Context, Result, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Duration, timeout},
};

const PATIENCE: Duration = Duration::from_secs(2);

/// Connects.
pub(crate) async fn connect(host: &str, port: u16) -> Result<TcpStream> {
    let connected = timeout(PATIENCE, TcpStream::connect((host, port))).await;
    connected
        .context("connect in time")?
        .with_context(|| format!("connect to {host}:{port}"))
}

/// Gets the body of a 2xx answer, on loopback.
pub async fn get(port: u16, path: &str) -> Result<String> {
    get_from("127.0.0.1", port, path).await
}

/// The same, at another address.
pub async fn get_from(host: &str, port: u16, path: &str) -> Result<String> {
    let mut stream = connect(host, port).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .context("send the request")?;
    let mut answer = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .context("answer in time")?
        .context("read the answer")?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    if !status.starts_with('2') {
        bail!("GET {path}: status {status}: {body}");
    }
    Ok(body.to_owned())
}
