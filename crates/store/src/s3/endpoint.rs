//! Which server, and what it may be told.

use etcd_backup_dial::parse_url;
use url::Url;

use super::config::{Credentials, S3Config, invalid};
use crate::StoreError;
use crate::error::Cause;

/// What is dialled when no endpoint is given; names of buckets and regions go before it.
const AWS_SUFFIX: &str = "amazonaws.com";

/// A server we may talk to.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    /// None for AWS, whose hosts the SDK knows.
    pub(super) url: Option<Url>,
    /// Names that belong to it are this one and those that end in `.` and this one.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) plaintext: bool,
}

impl Endpoint {
    pub(super) fn of(config: &S3Config) -> Result<Self, StoreError> {
        let Some(text) = &config.endpoint else {
            return Ok(Self {
                url: None,
                host: AWS_SUFFIX.to_owned(),
                port: 443,
                plaintext: false,
            });
        };
        let url = parse_url(text).map_err(|refused| refuse(&refused))?;
        let plaintext = url.scheme() == "http";
        if plaintext && !config.allow_http {
            return invalid(
                "endpoint",
                "it is plain http, over which credentials and data can be read and changed: use https, or \
                 set allowHttp",
            );
        }
        if url.path() != "/" {
            return invalid("endpoint", "it has a path, which S3 endpoints do not have");
        }
        config
            .policy
            .check_url(&url)
            .map_err(|refused| refuse(&refused))?;
        let endpoint = Self {
            host: url.host_str().unwrap_or_default().to_owned(),
            port: url.port_or_known_default().unwrap_or(443),
            url: Some(url),
            plaintext,
        };
        if matches!(config.credentials, Credentials::Ambient) {
            endpoint.check_ambient(&config.ambient_endpoints)?;
        }
        Ok(endpoint)
    }

    /// Is this AWS, whose guarantees are documented?
    pub(super) fn is_aws(&self) -> bool {
        match &self.url {
            None => true,
            Some(url) => url.scheme() == "https" && url.port().is_none() && is_aws_s3(&self.host),
        }
    }

    /// Does a name that is to be resolved belong to this server? Otherwise it is a proxy's.
    pub(super) fn covers(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        name == self.host
            || name
                .strip_suffix(&self.host)
                .is_some_and(|rest| rest.ends_with('.'))
            || (self.url.is_none() && name.ends_with(".amazonaws.com.cn"))
    }

    fn check_ambient(&self, listed: &[String]) -> Result<(), StoreError> {
        let Some(url) = &self.url else {
            return Ok(());
        };
        let origin = url.origin();
        let is_listed = listed
            .iter()
            .filter_map(|text| parse_url(text).ok())
            .any(|listed| listed.origin() == origin);
        if self.is_aws() || is_listed {
            return Ok(());
        }
        Err(StoreError::AmbientRefused {
            endpoint: origin.ascii_serialization(),
        })
    }
}

fn refuse(refused: &etcd_backup_dial::DialRefused) -> StoreError {
    StoreError::EndpointRefused {
        source: Cause::chain(refused),
    }
}

/// Is this host S3 as run by AWS?
///
/// Much under `amazonaws.com` is rented out: load balancers, API gateways, instances, private link
/// services of anyone. So the service's own label must stand where AWS puts it:
/// `[bucket.]s3[-fips][.dualstack][.region].amazonaws.com[.cn]` or an interface endpoint of S3,
/// `[bucket|control|accesspoint].vpce-….s3.region.vpce.amazonaws.com`
/// (docs.aws.amazon.com/general/latest/gr/s3.html, …/userguide/privatelink-interface-endpoints.html).
fn is_aws_s3(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let Some(front) = host
        .strip_suffix(".amazonaws.com")
        .or_else(|| host.strip_suffix(".amazonaws.com.cn"))
    else {
        return false;
    };
    let mut labels: Vec<&str> = front.split('.').collect();
    let private = labels.last() == Some(&"vpce");
    if private {
        labels.pop();
    }
    let is_service = |label: &str| matches!(label, "s3" | "s3-fips");
    // From the right: a region or none, "dualstack" or none, the service.
    let Some(last) = labels.pop() else {
        return false;
    };
    if is_service(last) {
        return !private;
    }
    let is_region = last.contains('-') && last.ends_with(|c: char| c.is_ascii_digit());
    if !is_region {
        return false;
    }
    if labels.last() == Some(&"dualstack") {
        labels.pop();
    }
    labels.pop().is_some_and(is_service)
}

#[cfg(test)]
mod tests {
    use etcd_backup_dial::DialPolicy;

    use super::*;

    fn config(endpoint: &str) -> S3Config {
        let mut config = S3Config::new("bucket");
        config.endpoint = Some(endpoint.to_owned());
        config
    }

    fn reason(config: &S3Config) -> &'static str {
        Endpoint::of(config).map_or_else(|error| error.reason(), |_| "accepted")
    }

    #[test]
    fn only_s3_itself_is_aws() {
        for host in [
            "s3.amazonaws.com",
            "s3.eu-west-1.amazonaws.com",
            "s3.cn-north-1.amazonaws.com.cn",
            "s3-fips.us-gov-west-1.amazonaws.com",
            "s3.dualstack.eu-west-1.amazonaws.com",
            "s3-fips.dualstack.us-east-1.amazonaws.com",
            "bucket.s3.eu-west-1.amazonaws.com",
            "bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com",
            "S3.EU-WEST-1.AMAZONAWS.COM.",
        ] {
            assert!(is_aws_s3(host), "{host}");
        }
        for host in [
            "ec2-1-2-3-4.eu-west-1.compute.amazonaws.com",
            "abc.execute-api.eu-west-1.amazonaws.com",
            "lb-1.eu-west-1.elb.amazonaws.com",
            "vpce-1-2.vpce-svc-3.eu-west-1.vpce.amazonaws.com",
            "s3.vpce-svc.eu-west-1.vpce.amazonaws.com",
            "s3.evil.amazonaws.com.evil.example",
            "s3.amazonaws.com.evil.example",
            "evils3.amazonaws.com",
            "s3.elb.amazonaws.com",
            "amazonaws.com",
            "example.com",
        ] {
            assert!(!is_aws_s3(host), "{host}");
        }
    }

    #[test]
    fn ambient_credentials_go_only_where_the_administrator_says() {
        let mut asked = config("https://minio.example:9000");
        assert_eq!(reason(&asked), "AmbientCredentialsRefused");
        asked.ambient_endpoints = vec!["https://minio.example".to_owned()];
        assert_eq!(reason(&asked), "AmbientCredentialsRefused", "another port");
        asked.ambient_endpoints = vec!["http://minio.example:9000".to_owned()];
        assert_eq!(reason(&asked), "AmbientCredentialsRefused", "another scheme");
        asked.ambient_endpoints = vec!["https://MINIO.example:9000/".to_owned()];
        assert_eq!(reason(&asked), "accepted");
        assert_eq!(reason(&config("https://s3.eu-west-1.amazonaws.com")), "accepted");
        let text = Endpoint::of(&config("https://s3.eu-west-1.amazonaws.com:8443"));
        assert_eq!(text.unwrap_err().reason(), "AmbientCredentialsRefused");
    }

    #[test]
    fn plain_http_must_be_allowed() {
        let mut asked = config("http://minio.example");
        asked.ambient_endpoints = vec!["http://minio.example".to_owned()];
        assert_eq!(reason(&asked), "InvalidConfig");
        asked.allow_http = true;
        assert_eq!(reason(&asked), "accepted");
    }

    #[test]
    fn endpoints_that_lead_inside_are_refused_before_anything_is_sent() {
        for endpoint in [
            "https://169.254.169.254",
            "https://[fd00:ec2::254]",
            "https://127.0.0.1:10250",
            "https://localhost.",
            "https://2130706433",
            "https://0x7f.1",
            "https://[::ffff:127.0.0.1]",
            "https://user:secret@s3.example",
            "https://s3.example/?token=secret",
            "file:///etc/passwd",
            "gopher://x",
            "https://s3.example\r\nHost: other",
        ] {
            assert_eq!(reason(&config(endpoint)), "EndpointRefused", "{endpoint}");
        }
        let mut denied = config("https://kubernetes.default.svc");
        denied.policy = DialPolicy::new(Vec::new(), ["kubernetes.default.svc"]);
        assert_eq!(reason(&denied), "EndpointRefused");
    }

    #[test]
    fn a_path_in_the_endpoint_is_refused() {
        assert_eq!(reason(&config("https://s3.example/bucket")), "InvalidConfig");
    }

    #[test]
    fn names_of_buckets_belong_to_their_server_and_others_do_not() {
        let mut asked = config("https://s3.example");
        asked.ambient_endpoints = vec!["https://s3.example".to_owned()];
        let endpoint = Endpoint::of(&asked).unwrap();
        assert!(endpoint.covers("s3.example") && endpoint.covers("bucket.S3.example."));
        assert!(!endpoint.covers("evils3.example") && !endpoint.covers("proxy.example"));
    }
}
