//! A store that failed, in the words of the command line, with a way out where there is one.

use etcd_backup_backup::catalogue::CatalogueError;
use etcd_backup_store::StoreError;

use crate::exit::{Exit, Failure};

/// A store that failed, with a way out where there is one.
pub(crate) fn of_store(error: &StoreError) -> Failure {
    match error {
        // The fields are the resources'; here they are flags.
        StoreError::InvalidConfig { field, why } => {
            let failure = Failure::new(Exit::Usage, format!("{}: {why}", flag(field)));
            if why.contains("allowHttp") {
                failure.hint("--allow-http sets allowHttp")
            } else {
                failure
            }
        }
        StoreError::EndpointRefused { .. } | StoreError::InvalidKey { .. } => {
            with_way_out(Failure::of(Exit::Usage, error), error.reason())
        }
        _ => with_way_out(Failure::of(Exit::Storage, error), error.reason()),
    }
}

fn flag(field: &str) -> &str {
    match field {
        "endpoint" => "--endpoint-url",
        "region" => "--region",
        "storageClass" => "--storage-class",
        "caBundle" => "--s3-cacert",
        other => other,
    }
}

/// A store of which it is not known what it holds.
pub(crate) fn of_catalogue(error: &CatalogueError) -> Failure {
    with_way_out(Failure::of(Exit::Storage, error), error.reason())
}

/// Adds a way out, by the stable word for what is wrong.
pub(crate) fn with_way_out(failure: Failure, reason: &str) -> Failure {
    match reason {
        "InvalidCredentials" | "MissingCredentials" => failure.hint(
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN, if they are temporary), or AWS_PROFILE",
        ),
        "NoSuchBucket" => failure.hint(
            "check the name, or create it first: this program never creates a bucket or a store's directory",
        ),
        "EndpointRefused" => failure.hint("write --endpoint-url as https://minio.example:9000"),
        "CertificateInvalid" => failure.hint("--s3-cacert (or AWS_CA_BUNDLE) names the CA that signed it"),
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use etcd_backup_etcd::DialPolicy;
    use etcd_backup_store::{Context, Operation, S3Config, S3Store, error::Cause};

    use super::*;

    async fn refused(change: impl FnOnce(&mut S3Config)) -> String {
        let mut config = S3Config::new("bucket");
        config.policy = DialPolicy::allow_all();
        change(&mut config);
        config.ambient_endpoints.extend(config.endpoint.clone());
        let Err(error) = S3Store::new(config).await else {
            panic!("accepted");
        };
        format!("{:?}", of_store(&error))
    }

    #[tokio::test]
    async fn what_is_mistyped_about_a_store_is_named_by_its_flag_with_the_cause() {
        let endpoint =
            |text: &'static str| move |config: &mut S3Config| config.endpoint = Some(text.to_owned());
        for (told, expected) in [
            (
                refused(endpoint("http://minio.example")).await,
                ["--endpoint-url: it is plain http", "--allow-http"],
            ),
            (
                refused(endpoint("minio.example:9000")).await,
                ["write http:// or https://", "--endpoint-url as"],
            ),
            (
                refused(endpoint("10.0.0.1:9000")).await,
                ["not a URL", "--endpoint-url as"],
            ),
            (
                refused(|config| config.region = Some("eu west".to_owned())).await,
                ["--region: it must be", "Usage"],
            ),
            (
                refused(|config| config.ca_pem = Some(b"no PEM".to_vec())).await,
                ["--s3-cacert: it holds no certificate", "Usage"],
            ),
            (
                refused(|config| config.prefix = "a//b".to_owned()).await,
                ["empty segment", "Usage"],
            ),
        ] {
            assert!(
                told.contains("Usage") && expected.iter().all(|words| told.contains(words)),
                "{told}"
            );
        }
    }

    #[test]
    fn a_store_that_cannot_be_reached_is_told_with_what_the_system_said() {
        let at = || Context::new(Operation::List).boxed();
        let cause = || Cause::new("Connection refused");
        for error in [
            StoreError::Unavailable {
                at: at(),
                source: cause(),
            },
            StoreError::CertificateInvalid {
                at: at(),
                source: cause(),
            },
        ] {
            let told = format!("{:?}", of_catalogue(&CatalogueError::List(error)));
            assert!(
                told.contains("Storage") && told.contains("Connection refused"),
                "{told}"
            );
        }
    }
}
