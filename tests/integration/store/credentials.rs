//! Who is told what, and where we do not go.

use std::io::Write;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use etcd_backup_dial::DialPolicy;
use etcd_backup_store::s3::Credentials;
use etcd_backup_store::{PutMode, S3Store, Store as _};
use harness::s3::{Fault, Operation, S3Server};
use harness::scratch;
use harness::tls::Authority;
use harness::versitygw::Versitygw;

use super::{BUCKET, config, everything, noise, perform, upload};

#[tokio::test]
async fn no_answer_can_make_an_error_repeat_the_credentials() -> Result<()> {
    for operation in Operation::USED {
        for status in [301, 400, 403, 404, 409, 412, 500, 503] {
            let server = S3Server::start(BUCKET).await?;
            let mut config = config(&server.endpoint);
            config.credentials = Credentials::Static {
                access_key_id: S3Server::ACCESS_KEY.to_owned(),
                secret_access_key: S3Server::SECRET_KEY.to_owned(),
                session_token: Some("CANARYTOKEN".to_owned()),
            };
            let store = S3Store::new(config.clone()).await?;
            server.plant("tenant/there", "x");
            server.plan().on_any().fails(Fault::EchoCredentials { status });
            if let Err(error) = perform(&store, operation).await {
                let said = everything(&error);
                for canary in ["CANARY", S3Server::SECRET_KEY, "AWS4-HMAC-SHA256", "Signature"] {
                    assert!(!said.contains(canary), "{operation:?} {status}: {said}");
                }
            }
            let shown = format!("{config:?} {store:?} {}", store.location());
            assert!(
                !shown.contains("CANARY") && !shown.contains(S3Server::SECRET_KEY),
                "{shown}"
            );
        }
    }
    Ok(())
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().map_or(Ok(0), |mut log| log.write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_secret_is_in_no_log_however_verbose() -> Result<()> {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let server = S3Server::start(BUCKET).await?;
    let store = S3Store::new(config(&server.endpoint)).await?;
    upload(&store, "data", &noise(100)).await?;
    server.plan().on_any().fails(Fault::answer(403, "AccessDenied"));
    let _ = store.put("k", "x".into(), PutMode::Create).await;
    let text = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(
        text.contains("TRACE"),
        "nothing was logged, so nothing was proved"
    );
    assert!(!text.contains(S3Server::SECRET_KEY));
    Ok(())
}

#[tokio::test]
async fn wrong_credentials_are_told_apart_by_real_servers() -> Result<()> {
    let ours = S3Server::start(BUCKET).await?;
    let theirs = Versitygw::start().await?;
    theirs.create_bucket(BUCKET)?;
    let servers = [
        (&ours.endpoint, S3Server::ACCESS_KEY),
        (&theirs.endpoint, theirs.access_key.as_str()),
    ];
    for (endpoint, known_id) in servers {
        for id in [known_id, "nobody"] {
            let mut config = config(endpoint);
            config.credentials = Credentials::Static {
                access_key_id: id.to_owned(),
                secret_access_key: "wrong".to_owned(),
                session_token: None,
            };
            let error = S3Store::new(config).await?.list("", None).await.unwrap_err();
            assert_eq!(error.reason(), "InvalidCredentials", "{endpoint} {id}: {error}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_operators_own_credentials_are_never_sent_to_an_endpoint_that_a_plan_chose() -> Result<()> {
    let server = S3Server::start(BUCKET).await?;
    let mut config = config(&server.endpoint);
    config.credentials = Credentials::Ambient;
    let error = S3Store::new(config.clone()).await.unwrap_err();
    assert_eq!(error.reason(), "AmbientCredentialsRefused");
    assert!(error.to_string().contains(&server.endpoint), "{error}");
    assert!(server.plan().seen().is_empty(), "something was sent");
    Ok(())
}

#[tokio::test]
async fn the_address_that_is_dialled_is_checked_and_not_only_the_name() -> Result<()> {
    let server = S3Server::start(BUCKET).await?;
    let port = server.endpoint.rsplit(':').next().unwrap().to_owned();
    // "localhost" is refused by name; a name that merely resolves to loopback only shows itself when asked.
    let mut config = config(&server.endpoint);
    config.policy = DialPolicy::default();
    for endpoint in [
        server.endpoint.clone(),
        format!("http://localhost:{port}"),
        format!("http://[::1]:{port}"),
    ] {
        config.endpoint = Some(endpoint.clone());
        let error = S3Store::new(config.clone()).await.unwrap_err();
        assert_eq!(error.reason(), "EndpointRefused", "{endpoint}");
    }

    // Loopback is allowed but for the address that the name resolves to: the check at the second look.
    config.endpoint = Some(format!("http://localhost:{port}"));
    let open = vec!["127.0.0.0/8".parse()?, "::1/128".parse()?];
    config.policy = DialPolicy::new(open, ["127.0.0.1", "::1"]);
    let store = S3Store::new(config).await?;
    let error = store.list("", None).await.unwrap_err();
    assert_eq!(error.reason(), "EndpointRefused", "{error}");
    assert!(
        everything(&error).contains("may not be connected to"),
        "{}",
        everything(&error)
    );
    assert!(server.plan().seen().is_empty(), "something was sent");
    Ok(())
}

#[tokio::test]
async fn a_redirect_is_not_followed_anywhere() -> Result<()> {
    let (server, trap) = (S3Server::start(BUCKET).await?, S3Server::start(BUCKET).await?);
    let store = S3Store::new(config(&server.endpoint)).await?;
    for status in [301, 302, 303, 307, 308] {
        server.plan().clear();
        let location = format!("{}/backups/tenant/k", trap.endpoint);
        server
            .plan()
            .on_any()
            .fails(Fault::answer_with(status, "Redirect", "location", &location));
        let error = store.head("k").await.unwrap_err();
        assert_eq!(error.reason(), "Redirected", "{status}");
    }
    assert!(trap.plan().seen().is_empty(), "the redirect was followed");
    Ok(())
}

#[tokio::test]
async fn a_certificate_must_come_from_the_given_authority() -> Result<()> {
    let folder = scratch::folder("store-tls")?;
    let (authority, stranger) = (Authority::new("ours")?, Authority::new("another")?);
    let files = authority.server(&["127.0.0.1"])?.write(folder.path(), "server")?;
    let server = Versitygw::start_tls(&files).await?;
    server.create_bucket(BUCKET)?;
    let mut config = config(&server.endpoint);
    config.allow_http = false;
    config.credentials = Credentials::Static {
        access_key_id: server.access_key.clone(),
        secret_access_key: server.secret_key.clone(),
        session_token: None,
    };
    for (ca, accepted) in [
        (Some(authority.pem()), true),
        (Some(stranger.pem()), false),
        (None, false),
    ] {
        config.ca_pem = ca.map(String::into_bytes);
        let store = S3Store::new(config.clone()).await?;
        match store.put("k", "x".into(), PutMode::Overwrite).await {
            Ok(_) => assert!(accepted),
            Err(error) => {
                assert!(!accepted, "{}", everything(&error));
                assert_eq!(error.reason(), "CertificateInvalid", "{}", everything(&error));
            }
        }
    }

    config.ca_pem = Some(authority.pem().into_bytes());
    for (name, pair, told) in authority.unacceptable_to_stores(&stranger)? {
        let server = Versitygw::start_tls(&pair.write(folder.path(), name)?).await?;
        config.endpoint = Some(server.endpoint.clone());
        let error = S3Store::new(config.clone())
            .await?
            .list("", None)
            .await
            .unwrap_err();
        assert_eq!(error.reason(), "CertificateInvalid", "{name}");
        assert!(!error.is_transient(), "{name}: trying again does not help");
        assert!(
            everything(&error).contains(told),
            "{name}: {}",
            everything(&error)
        );
    }
    Ok(())
}
