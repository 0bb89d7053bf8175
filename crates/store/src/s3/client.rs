//! The SDK's client, set up our way.

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::default_provider::region::DefaultRegionChain;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    AppName, BehaviorVersion, Builder, Credentials as SdkCredentials, Region, RequestChecksumCalculation,
    ResponseChecksumValidation, SharedCredentialsProvider, StalledStreamProtectionConfig,
};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::config::{Credentials, S3Config, invalid};
use super::endpoint::Endpoint;
use super::flow::{ClockOffset, Watched};
use super::resolver::Resolver;
use crate::StoreError;

/// Signed for where nothing says otherwise. AWS's first region, and the one other servers accept.
const DEFAULT_REGION: &str = "us-east-1";

pub(super) struct Connected {
    pub(super) client: Client,
    pub(super) region: String,
    pub(super) clock: ClockOffset,
}

/// Builds a client. Nothing is dialled, except that ambient credentials without a region may ask the
/// instance's metadata service for it.
pub(super) async fn connect(config: &S3Config, endpoint: &Endpoint) -> Result<Connected, StoreError> {
    let region = region(config, endpoint).await;
    let clock = ClockOffset::default();
    let mut sdk = Builder::new();
    sdk.set_endpoint_url(
        endpoint
            .url
            .as_ref()
            .map(|url| url.origin().ascii_serialization()),
    );
    let sdk = sdk
        // Pinned: what "latest" means changes with the SDK.
        .behavior_version(BehaviorVersion::v2026_01_12())
        .app_name(app_name()?)
        .region(Region::new(region.clone()))
        .force_path_style(config.path_style)
        .credentials_provider(credentials(&config.credentials).await)
        .http_client(http_client(config, endpoint, &clock)?)
        // Retries, stalls and checksums are ours: see `retry`, `flow` and `upload`.
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .disable_s3_express_session_auth(true)
        .disable_multi_region_access_points(true)
        .build();
    Ok(Connected {
        client: Client::from_conf(sdk),
        region,
        clock,
    })
}

fn app_name() -> Result<AppName, StoreError> {
    AppName::new("etcd-backup").or_else(|_| invalid("user agent", "it is not accepted by the SDK"))
}

async fn region(config: &S3Config, endpoint: &Endpoint) -> String {
    if let Some(region) = &config.region {
        return region.clone();
    }
    let ambient = matches!(config.credentials, Credentials::Ambient);
    if ambient && endpoint.is_aws() {
        let found = DefaultRegionChain::builder().build().region().await;
        if let Some(found) = found {
            return found.to_string();
        }
    }
    DEFAULT_REGION.to_owned()
}

async fn credentials(credentials: &Credentials) -> SharedCredentialsProvider {
    match credentials {
        Credentials::Static {
            access_key_id,
            secret_access_key,
            session_token,
        } => SharedCredentialsProvider::new(SdkCredentials::new(
            access_key_id,
            secret_access_key,
            session_token.clone(),
            None,
            "configured",
        )),
        Credentials::Ambient => {
            SharedCredentialsProvider::new(DefaultCredentialsChain::builder().build().await)
        }
    }
}

/// One connector with one connection pool for all requests of this store.
fn http_client(
    config: &S3Config,
    endpoint: &Endpoint,
    clock: &ClockOffset,
) -> Result<SharedHttpClient, StoreError> {
    let settings = HttpConnectorSettings::builder()
        .connect_timeout(config.timeouts.connect)
        .build();
    let resolver = Resolver {
        policy: config.policy.clone(),
        endpoint: endpoint.clone(),
    };
    let dialler = Connector::builder()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(trust(config.ca_pem.as_deref())?)
        .proxy_config(ProxyConfig::from_env())
        .connector_settings(settings)
        .build_with_resolver(resolver);
    let watched = Watched::new(SharedHttpConnector::new(dialler), config.timeouts, clock.clone());
    let connector = SharedHttpConnector::new(watched);
    Ok(http_client_fn(move |_, _| connector.clone()))
}

fn trust(ca_pem: Option<&[u8]>) -> Result<TlsContext, StoreError> {
    let roots = match ca_pem {
        None => TrustStore::default(),
        Some(pem) => {
            // The SDK panics on what it cannot read, so it is read here first.
            let certificates: Vec<CertificateDer<'_>> = CertificateDer::pem_slice_iter(pem)
                .collect::<Result<_, _>>()
                .or_else(|_| invalid("caBundle", "it is not PEM"))?;
            let mut checked = rustls::RootCertStore::empty();
            let (_, unusable) = checked.add_parsable_certificates(certificates.iter().cloned());
            if certificates.is_empty() || unusable > 0 {
                return invalid("caBundle", "it holds no certificate, or one that cannot be read");
            }
            TrustStore::empty().with_pem_certificate(pem)
        }
    };
    TlsContext::builder()
        .with_trust_store(roots)
        .build()
        .or_else(|_| invalid("caBundle", "it cannot be used"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_without_a_certificate_is_refused_and_not_a_panic() {
        for pem in [
            &b""[..],
            b"hello",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
        ] {
            let refused = trust(Some(pem)).unwrap_err();
            assert_eq!(refused.reason(), "InvalidConfig");
        }
    }
}
