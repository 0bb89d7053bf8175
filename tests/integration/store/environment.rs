//! What a process takes from its environment: credentials and proxies.
//!
//! A test cannot change its own environment while others run. So each case runs [`in_an_environment`], a test of
//! this same binary, as a child with an environment of its own.

use std::process::{Output, Stdio};

use anyhow::{Context as _, Result, ensure};
use etcd_backup_store::s3::Credentials;
use etcd_backup_store::{PutMode, S3Store, Store as _};
use harness::s3::{Quirks, S3Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::process::Command;

use super::{BUCKET, config};

/// Tells the child where to put its object; its presence makes the child do something.
const ENDPOINT: &str = "STORE_TEST_ENDPOINT";
/// Whether the child uses the environment's credentials.
const AMBIENT: &str = "STORE_TEST_AMBIENT";

#[tokio::test]
#[ignore = "run as a child process by the other tests of this file"]
async fn in_an_environment() -> Result<()> {
    let Ok(endpoint) = std::env::var(ENDPOINT) else {
        return Ok(());
    };
    let mut config = config(&endpoint);
    if std::env::var(AMBIENT).is_ok() {
        config.credentials = Credentials::Ambient;
        config.ambient_endpoints = vec![endpoint];
    }
    let put = S3Store::new(config)
        .await?
        .put("k", "x".into(), PutMode::Create)
        .await;
    let said = put.map_or_else(|error| error.reason(), |_| "stored");
    println!("OUTCOME {said}");
    Ok(())
}

/// What the child says became of its put.
async fn child(environment: &[(&str, &str)]) -> Result<String> {
    let empty = tempfile::tempdir()?;
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args([
            "--exact",
            "store::environment::in_an_environment",
            "--ignored",
            "--nocapture",
        ])
        .env_clear()
        .env("HOME", empty.path())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let Output { stdout, stderr, .. } = command.output().await?;
    let text = String::from_utf8_lossy(&stdout).into_owned();
    let outcome = text.split("OUTCOME ").nth(1).and_then(|rest| rest.lines().next());
    outcome
        .map(str::to_owned)
        .with_context(|| format!("the child said {text:?} {}", String::from_utf8_lossy(&stderr)))
}

#[tokio::test]
async fn access_keys_of_the_environment_and_of_a_profile_are_found() -> Result<()> {
    let server = S3Server::start(BUCKET).await?;
    let variables = [
        (ENDPOINT, server.endpoint.as_str()),
        (AMBIENT, "1"),
        ("AWS_ACCESS_KEY_ID", S3Server::ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", S3Server::SECRET_KEY),
    ];
    assert_eq!(child(&variables).await?, "stored");

    let folder = tempfile::tempdir()?;
    let file = folder.path().join("credentials");
    let profile = format!(
        "[backups]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        S3Server::ACCESS_KEY,
        S3Server::SECRET_KEY
    );
    std::fs::write(&file, profile)?;
    server.vanish("tenant/k");
    let file = file.to_string_lossy();
    let profile = [
        (ENDPOINT, server.endpoint.as_str()),
        (AMBIENT, "1"),
        ("AWS_SHARED_CREDENTIALS_FILE", &file),
        ("AWS_PROFILE", "backups"),
    ];
    assert_eq!(child(&profile).await?, "stored");
    Ok(())
}

#[tokio::test]
async fn an_environment_without_credentials_is_said_to_have_none() -> Result<()> {
    let server = S3Server::start(BUCKET).await?;
    let nothing = [(ENDPOINT, server.endpoint.as_str()), (AMBIENT, "1")];
    assert_eq!(child(&nothing).await?, "MissingCredentials");
    assert!(
        server.plan().seen().is_empty(),
        "a request without credentials was sent"
    );
    Ok(())
}

#[tokio::test]
async fn a_pod_identity_is_exchanged_for_credentials() -> Result<()> {
    let server = S3Server::start(BUCKET).await?;
    let folder = tempfile::tempdir()?;
    let token = folder.path().join("token");
    std::fs::write(&token, "pod-token")?;
    let agent = Answering::start(|request| {
        ensure!(
            request.to_lowercase().contains("authorization: pod-token"),
            "{request}"
        );
        Ok(format!(
            "{{\"AccessKeyId\":\"{}\",\"SecretAccessKey\":\"{}\",\"Token\":\"t\",\
             \"Expiration\":\"2099-01-01T00:00:00Z\"}}",
            S3Server::ACCESS_KEY,
            S3Server::SECRET_KEY
        ))
    })
    .await?;
    let environment = [
        (ENDPOINT, server.endpoint.as_str()),
        (AMBIENT, "1"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &agent.url),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &token.to_string_lossy()),
    ];
    assert_eq!(child(&environment).await?, "stored");
    Ok(())
}

#[tokio::test]
async fn a_service_accounts_token_is_exchanged_for_credentials() -> Result<()> {
    let server = S3Server::start(BUCKET).await?;
    let folder = tempfile::tempdir()?;
    let token = folder.path().join("token");
    std::fs::write(&token, "web-token")?;
    let sts = Answering::start(|request| {
        let asks = ["AssumeRoleWithWebIdentity", "web-token"];
        ensure!(asks.iter().all(|part| request.contains(part)), "{request}");
        Ok(format!(
            "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>{}</AccessKeyId>\
             <SecretAccessKey>{}</SecretAccessKey><SessionToken>t</SessionToken>\
             <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>\
             </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>",
            S3Server::ACCESS_KEY,
            S3Server::SECRET_KEY
        ))
    })
    .await?;
    let environment = [
        (ENDPOINT, server.endpoint.as_str()),
        (AMBIENT, "1"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/backups"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", &token.to_string_lossy()),
        ("AWS_ENDPOINT_URL_STS", &sts.url),
    ];
    assert_eq!(child(&environment).await?, "stored");
    Ok(())
}

#[tokio::test]
async fn a_program_that_a_profile_names_gives_the_credentials() -> Result<()> {
    let server = S3Server::start(BUCKET).await?;
    let folder = tempfile::tempdir()?;
    let (given, config) = (folder.path().join("given"), folder.path().join("config"));
    let credentials = format!(
        "{{\"Version\":1,\"AccessKeyId\":\"{}\",\"SecretAccessKey\":\"{}\"}}",
        S3Server::ACCESS_KEY,
        S3Server::SECRET_KEY
    );
    std::fs::write(&given, credentials)?;
    let profile = format!(
        "[profile backups]\ncredential_process = /bin/cat {}\n",
        given.display()
    );
    std::fs::write(&config, profile)?;
    let environment = [
        (ENDPOINT, server.endpoint.as_str()),
        (AMBIENT, "1"),
        ("AWS_PROFILE", "backups"),
        ("AWS_CONFIG_FILE", &config.to_string_lossy()),
    ];
    assert_eq!(child(&environment).await?, "stored");
    Ok(())
}

#[tokio::test]
async fn an_endpoint_of_the_environment_does_not_lead_the_credentials_astray() -> Result<()> {
    // Of a store that is configured for one server, requests go to that one.
    let (server, astray) = (S3Server::start(BUCKET).await?, S3Server::start(BUCKET).await?);
    let environment = [
        (ENDPOINT, server.endpoint.as_str()),
        (AMBIENT, "1"),
        ("AWS_ENDPOINT_URL", astray.endpoint.as_str()),
        ("AWS_ENDPOINT_URL_S3", astray.endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", S3Server::ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", S3Server::SECRET_KEY),
    ];
    assert_eq!(child(&environment).await?, "stored");
    assert!(astray.plan().seen().is_empty());
    Ok(())
}

#[tokio::test]
async fn proxies_of_the_environment_are_used_and_exceptions_from_them_kept() -> Result<()> {
    let proxy = S3Server::start(BUCKET).await?;
    let through = [
        (ENDPOINT, "http://s3.behind-the-proxy.invalid"),
        ("HTTP_PROXY", proxy.endpoint.as_str()),
    ];
    assert_eq!(child(&through).await?, "stored");
    assert_eq!(proxy.objects().len(), 1);

    let server = S3Server::start(BUCKET).await?;
    let around = [
        (ENDPOINT, server.endpoint.as_str()),
        ("HTTP_PROXY", proxy.endpoint.as_str()),
        ("NO_PROXY", "127.0.0.1"),
    ];
    assert_eq!(child(&around).await?, "stored");
    assert_eq!(server.objects().len(), 1);
    Ok(())
}

#[tokio::test]
async fn an_ipv6_endpoint_works() -> Result<()> {
    let server = S3Server::listen("[::1]:0", BUCKET, Quirks::default()).await?;
    assert!(server.endpoint.starts_with("http://[::1]:"));
    let store = S3Store::new(config(&server.endpoint)).await?;
    store.put("k", "x".into(), PutMode::Create).await?;
    Ok(())
}

/// A server that answers every request with what a function makes of it: a stand-in for those who give out
/// credentials.
struct Answering {
    url: String,
    task: tokio::task::JoinHandle<()>,
}

impl Answering {
    async fn start(answer: impl Fn(&str) -> Result<String> + Send + 'static) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = vec![0; 16 * 1024];
                // Such requests are small: they come in one piece.
                let Ok(length) = stream.read(&mut request).await else {
                    continue;
                };
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                let (status, body) = match answer(&request) {
                    Ok(body) => ("200 OK", body),
                    Err(why) => ("400 Bad Request", why.to_string()),
                };
                let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
                // A client that went away is its own affair.
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            }
        });
        Ok(Self { url, task })
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.task.abort();
    }
}
