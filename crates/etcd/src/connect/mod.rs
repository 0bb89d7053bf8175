//! One channel to one member.

mod certificate;
mod classify;
mod connection;
mod dialer;
mod handshake;
mod lost;
mod tls;

use std::{fmt, time::Duration};

pub use certificate::CertificateProblem;
pub(crate) use classify::{classify, how_lost};
use dialer::Target;
use etcd_backup_dial::parse_url;
use etcd_client::{Channel, Client, ConnectOptions};
use lost::Lost;
use tokio::{sync::OnceCell, time::timeout};
use tonic::transport::Endpoint;
use url::Url;

use crate::{Auth, Config, EtcdError};

/// HTTP/2 windows. A window over the round-trip time bounds the throughput of a stream: 4 MiB over 10 ms are 400 MiB/s, about what a
/// member can send, while the default of 2 MiB is less. They are also the most that is ever buffered for us.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 8 << 20;

/// What etcd answers to a sign-in while its authentication is off (api/v3rpc/rpctypes/error.go, ErrAuthNotEnabled).
const AUTH_NOT_ENABLED: &str = "etcdserver: authentication is not enabled";

/// A member, reached through one endpoint: a connection that is made when it is first needed, and again when it broke.
pub(crate) struct Link {
    endpoint: String,
    channel: tonic::transport::Channel,
    auth: Option<Auth>,
    deadline: Duration,
    lost: Lost,
    client: OnceCell<Client>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl Link {
    /// Checks the endpoint and prepares the channel. Nothing is dialled; a tokio runtime must be there all the same.
    ///
    /// `position` stands for the endpoint in errors for as long as its text may hold a password.
    pub(crate) fn new(text: &str, position: usize, config: &Config) -> Result<Self, EtcdError> {
        let refused = |source| EtcdError::EndpointRefused {
            endpoint: format!("number {position}"),
            source,
        };
        let url = parse_url(text).map_err(refused)?;
        config
            .policy
            .check_url(&url)
            .map_err(|source| EtcdError::EndpointRefused {
                endpoint: text.to_owned(),
                source,
            })?;
        if !matches!(url.path(), "" | "/") {
            return Err(invalid(format!(
                "endpoint {text}: a path has no meaning here, remove it"
            )));
        }
        let tls = match (url.scheme(), &config.tls) {
            ("https", given) => Some(tls::secure(url.host_str().unwrap_or_default(), given.as_ref())?),
            (_, Some(_)) => {
                return Err(invalid(format!(
                    "endpoint {text}: TLS files are given, but http:// would send the snapshot in the clear: write https://"
                )));
            }
            (_, None) => None,
        };
        let target = Target {
            host: url.host_str().unwrap_or_default().to_owned(),
            port: url.port_or_known_default().unwrap_or_default(),
            policy: config.policy.clone(),
            deadline: config.timeouts.connect,
            tls,
            lost: Lost::default(),
        };
        let lost = target.lost.clone();
        let channel = endpoint(&url, config)
            .ok_or_else(|| invalid(format!("endpoint {text}: not a URL that can be dialled")))?
            .connect_with_connector_lazy(dialer::connector(target));
        Ok(Self {
            endpoint: text.to_owned(),
            channel,
            auth: config.auth.clone(),
            deadline: config.timeouts.request,
            lost,
            client: OnceCell::new(),
        })
    }

    /// The endpoint as configured.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The client, signed in. A token that has expired is renewed once by the client when a request is refused for it.
    pub(crate) async fn client(&self) -> Result<Client, EtcdError> {
        self.client.get_or_try_init(|| self.sign_in()).await.cloned()
    }

    async fn sign_in(&self) -> Result<Client, EtcdError> {
        const OPERATION: &str = "signing in";
        let options = match &self.auth {
            Some(Auth { username, password }) => ConnectOptions::new()
                .with_user(username, password)
                .with_auto_token_refresh(true),
            None => ConnectOptions::new(),
        };
        let channel = || Channel::Tonic(self.channel.clone());
        let signed_in = timeout(self.deadline, Client::from_channel(channel(), Some(options)))
            .await
            .map_err(|_| self.timed_out(OPERATION))?;
        match signed_in {
            Err(etcd_client::Error::GRpcStatus(status)) if status.message() == AUTH_NOT_ENABLED => {
                Client::from_channel(channel(), None).await
            }
            other => other,
        }
        .map_err(|error| self.explain(OPERATION, &error))
    }

    /// Runs one request under the deadline for requests.
    pub(crate) async fn request<T>(
        &self,
        operation: &'static str,
        request: impl AsyncFnOnce(Client) -> Result<T, etcd_client::Error>,
    ) -> Result<T, EtcdError> {
        // On the heap: the client and its futures take some 20 KiB, and callers hold several of these at once.
        let client = Box::pin(self.client()).await?;
        timeout(self.deadline, Box::pin(request(client)))
            .await
            .map_err(|_| self.timed_out(operation))?
            .map_err(|error| self.explain(operation, &error))
    }

    /// Says what an error of the client library means. A connection that ended with a TLS alert ended for that reason.
    pub(crate) fn explain(&self, operation: &'static str, error: &etcd_client::Error) -> EtcdError {
        let explained = classify(&self.endpoint, operation, error);
        match (&explained, self.lost.problem()) {
            (EtcdError::Unreachable { endpoint, .. }, Some(problem)) => EtcdError::CertificateInvalid {
                endpoint: Some(endpoint.clone()),
                problem,
            },
            _ => explained,
        }
    }

    fn timed_out(&self, operation: &'static str) -> EtcdError {
        EtcdError::Timeout {
            endpoint: self.endpoint.clone(),
            operation,
            after: self.deadline,
        }
    }
}

/// The channel's settings. The connector speaks TLS itself, so the channel is told `http`, and `https` only as what to tell the member.
fn endpoint(url: &Url, config: &Config) -> Option<Endpoint> {
    let origin = url.as_str().parse().ok()?;
    let plain = url.as_str().replacen("https://", "http://", 1);
    let endpoint = Endpoint::from_shared(plain).ok()?.origin(origin);
    Some(
        endpoint
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .http2_keep_alive_interval(config.timeouts.keepalive_interval)
            .keep_alive_timeout(config.timeouts.keepalive_timeout)
            .keep_alive_while_idle(true),
    )
}

fn invalid(what: String) -> EtcdError {
    EtcdError::InvalidConfig { what }
}
