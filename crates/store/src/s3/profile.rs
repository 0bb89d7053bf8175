//! What a profile of the AWS tools says of the server.

use aws_config::meta::region::ProvideRegion as _;
use aws_config::profile::region::ProfileFileRegionProvider;
use aws_sdk_s3::config::{BehaviorVersion, Region};
use aws_types::service_config::ServiceConfigKey;

/// Where the profile of the environment (`AWS_PROFILE`, `AWS_CONFIG_FILE`, `~/.aws/config`) has its buckets. Whoever uses its credentials
/// must not send them elsewhere. For programs that a person starts: what a resource names is never completed by it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// Its `endpoint_url`, or that of `s3` in its `services` (docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html).
    pub endpoint: Option<String>,
    /// Its `region`.
    pub region: Option<String>,
}

impl Profile {
    /// Reads it. Nothing is dialled; without a profile, nothing is said.
    pub async fn read() -> Self {
        // With a region, or the instance's metadata service would be asked for one.
        let loaded = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("us-east-1"))
            .no_credentials()
            .load()
            .await;
        let key = ServiceConfigKey::builder()
            .service_id("S3")
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build();
        let of_service = key.ok().and_then(|key| loaded.service_config()?.load_config(key));
        let region = ProfileFileRegionProvider::new().region().await;
        Self {
            endpoint: of_service.or_else(|| loaded.endpoint_url().map(ToOwned::to_owned)),
            region: region.map(|region| region.to_string()),
        }
    }
}
