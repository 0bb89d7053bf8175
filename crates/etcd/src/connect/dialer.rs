//! Dials what the policy permits, at the moment of dialling, and speaks TLS where the endpoint says so.

use std::time::Duration;

use etcd_backup_dial::DialPolicy;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tonic::transport::Uri;
use tower::{BoxError, Service, service_fn};

use super::{
    connection::{Connection, socket},
    handshake::HandshakeError,
    lost::Lost,
    tls::Secured,
};

/// Where a connector leads.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) policy: DialPolicy,
    pub(super) deadline: Duration,
    pub(super) tls: Option<Secured>,
    pub(super) lost: Lost,
}

/// A connector for one endpoint. Each connection resolves the name anew, so that it follows DNS, and dials only an address that passed the
/// policy in that very lookup.
pub(super) fn connector(
    target: Target,
) -> impl Service<Uri, Response = TokioIo<Connection>, Error = BoxError, Future: Send> + Send + 'static {
    service_fn(move |_: Uri| {
        let target = target.clone();
        async move { target.connect().await.map(TokioIo::new) }
    })
}

impl Target {
    async fn connect(&self) -> Result<Connection, BoxError> {
        self.lost.forget();
        let tcp = self.policy.connect(&self.host, self.port, self.deadline).await?;
        let tcp = socket(tcp);
        let Some(tls) = &self.tls else {
            return Ok(Connection::Plain(tcp));
        };
        // TLS is spoken here, and not by the channel above, to keep hold of the alert with which a member refuses our certificate: in TLS 1.3 it
        // comes after the handshake, as an error of the first read, and the layers above turn that into "operation was canceled".
        let handshake = tls.connector.connect(tls.name.clone(), tcp);
        let stream = timeout(self.deadline, handshake)
            .await
            .map_err(|_| HandshakeError::Timeout(self.deadline))?
            .map_err(HandshakeError::from_io)?;
        if stream.get_ref().1.alpn_protocol().is_none() {
            return Err(HandshakeError::NotHttp2.into());
        }
        Ok(Connection::tls(stream, self.lost.clone()))
    }
}
