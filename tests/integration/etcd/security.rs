//! TLS and authentication, right and wrong.

use anyhow::{Context, Result, ensure};
use etcd_backup_etcd::{Auth, CertificateProblem, Cluster, Config, EtcdError, Tls};
use harness::{
    etcd::{Etcd, Version},
    tls::Authority,
};

use super::{chosen, cluster, config, opened, refused, save};

fn with_tls(etcd: &Etcd, change: impl FnOnce(&mut Tls)) -> Config {
    let mut config = config(etcd);
    config.tls.as_mut().map(change);
    config
}

/// Why the only endpoint gives no snapshot.
async fn denied(config: Config) -> Result<EtcdError> {
    let endpoint = config.endpoints[0].clone();
    let snapshot = Cluster::new(config)?.snapshot(&endpoint).await;
    snapshot.err().context("the member sent its snapshot")
}

fn problem(error: EtcdError) -> Result<CertificateProblem> {
    match error {
        EtcdError::CertificateInvalid { problem, endpoint } => {
            ensure!(endpoint.is_some());
            Ok(problem)
        }
        other => Err(other).context("no certificate is blamed"),
    }
}

#[tokio::test]
async fn tls_with_a_client_certificate_works_on_every_release() -> Result<()> {
    for version in Version::ALL {
        let etcd = Etcd::start(version).tls().await?;
        let path = etcd.folder().join("snapshot.db");
        save(opened(config(&etcd)).await?, &path).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_wrong_name_is_explained_and_the_server_name_repairs_it() -> Result<()> {
    let etcd = Etcd::start(Version::V3_6).tls_for(&["etcd.test"]).await?;
    let problem = problem(refused(config(&etcd)).await?)?;
    ensure!(
        matches!(&problem, CertificateProblem::WrongName { presented, .. } if format!("{presented:?}").contains("etcd.test")),
        "{problem:?}"
    );
    ensure!(
        problem.to_string().contains("not valid for 127.0.0.1"),
        "{problem}"
    );
    let named = with_tls(&etcd, |tls| tls.server_name = Some("etcd.test".into()));
    opened(named).await?;
    Ok(())
}

#[tokio::test]
async fn every_wrong_certificate_is_called_by_its_name() -> Result<()> {
    let etcd = Etcd::start(Version::V3_6).tls().await?;
    let stranger = Authority::new("a-stranger")?;

    let wrong_ca = with_tls(&etcd, |tls| tls.ca_pem = Some(stranger.pem().into()));
    assert_eq!(
        problem(refused(wrong_ca).await?)?,
        CertificateProblem::UnknownIssuer
    );

    let no_client = with_tls(&etcd, |tls| (tls.cert_pem, tls.key_pem) = (None, None));
    let found = problem(refused(no_client).await?)?;
    ensure!(
        matches!(
            found,
            CertificateProblem::ClientCertificateRequired | CertificateProblem::ClientCertificateRefused(_)
        ),
        "{found:?}"
    );

    let foreign = stranger.client("intruder")?;
    let wrong_client = with_tls(&etcd, |tls| {
        tls.cert_pem = Some(foreign.cert.into());
        tls.key_pem = Some(foreign.key.into());
    });
    let found = problem(refused(wrong_client).await?)?;
    ensure!(
        matches!(found, CertificateProblem::ClientCertificateRefused(_)),
        "{found:?}"
    );
    Ok(())
}

#[tokio::test]
async fn an_expired_certificate_of_the_member_is_called_expired() -> Result<()> {
    let folder = harness::scratch::folder("expired")?;
    let authority = Authority::new("expired-test")?;
    let old = authority
        .expired_server(&["127.0.0.1"])?
        .write(folder.path(), "old")?;
    // A later flag wins over the harness's own.
    let etcd = Etcd::start(Version::V3_6)
        .tls()
        .arg(&format!("--cert-file={}", old.cert.display()))
        .arg(&format!("--key-file={}", old.key.display()))
        .arg("--client-cert-auth=false")
        .await?;
    let expired = with_tls(&etcd, |tls| tls.ca_pem = Some(authority.pem().into()));
    assert_eq!(problem(refused(expired).await?)?, CertificateProblem::Expired);
    Ok(())
}

#[tokio::test]
async fn the_wrong_scheme_is_explained_both_ways() -> Result<()> {
    let plain = Etcd::start(Version::V3_6).await?;
    let secure = Etcd::start(Version::V3_6).tls().await?;
    let tls_to_plain = Config {
        endpoints: vec![plain.member(0).endpoint().replace("http:", "https:")],
        ..config(&secure)
    };
    let error = refused(tls_to_plain).await?;
    assert_eq!((error.reason(), error.is_transient()), ("Unreachable", true));
    ensure!(error.to_string().contains("is http:// meant?"), "{error}");
    let plain_to_tls = Config {
        endpoints: vec![secure.member(0).endpoint().replace("https:", "http:")],
        ..config(&plain)
    };
    let error = refused(plain_to_tls).await?;
    assert_eq!(error.reason(), "Unreachable");
    ensure!(error.to_string().contains("is https:// meant?"), "{error}");
    Ok(())
}

#[tokio::test]
async fn the_right_password_works_on_every_release_and_the_wrong_ones_are_explained() -> Result<()> {
    for version in Version::ALL {
        let etcd = Etcd::start(version).auth("root", "right").await?;
        let path = etcd.folder().join("snapshot.db");
        save(opened(config(&etcd)).await?, &path).await?;

        let with = |auth: Option<(&str, &str)>| Config {
            auth: auth.map(|(username, password)| Auth {
                username: username.into(),
                password: password.into(),
            }),
            ..config(&etcd)
        };
        let wrong = refused(with(Some(("root", "canary-wrong")))).await?;
        assert_eq!(
            (wrong.reason(), wrong.is_transient()),
            ("AuthenticationFailed", false),
            "etcd {version}: {wrong}"
        );
        ensure!(!format!("{wrong} {wrong:?}").contains("canary"), "{wrong:?}");
        // The status is no secret in etcd 3.5; the snapshot is, in each.
        let nobody = denied(with(None)).await?;
        assert_eq!(
            nobody.reason(),
            "AuthenticationFailed",
            "etcd {version}: {nobody}"
        );
        ensure!(nobody.to_string().contains("none was given"), "{nobody}");

        let mut client = etcd.client().await?;
        client.user_add("reader", "reader", None).await?;
        let reader = denied(with(Some(("reader", "reader")))).await?;
        assert_eq!(reader.reason(), "PermissionDenied", "etcd {version}: {reader}");
        ensure!(reader.to_string().contains("grant-role"), "{reader}");
    }
    Ok(())
}

#[tokio::test]
async fn a_user_is_ignored_while_authentication_is_off() -> Result<()> {
    let etcd = Etcd::start(Version::V3_6).await?;
    let with_user = Config {
        auth: Some(Auth {
            username: "root".into(),
            password: "anything".into(),
        }),
        ..config(&etcd)
    };
    opened(with_user).await?;
    Ok(())
}

#[tokio::test]
async fn a_lost_session_is_renewed_once_and_a_changed_password_is_not() -> Result<()> {
    let etcd = Etcd::start(Version::V3_6).auth("root", "right").await?;
    let cluster: Cluster = cluster(&etcd)?;
    let endpoint = chosen(&cluster).await?.endpoint;
    // Simple tokens live in the member's memory.
    etcd.member(0).stop().await?;
    etcd.member(0).start().await?;
    harness::wait::until_ok(
        "the session to be renewed",
        std::time::Duration::from_secs(10),
        async || Ok(cluster.hash_kv(&endpoint, 0).await?),
    )
    .await?;

    etcd.client()
        .await?
        .user_change_password("root", "changed")
        .await?;
    let error = cluster.hash_kv(&endpoint, 0).await.err().context("accepted")?;
    assert_eq!(error.reason(), "AuthenticationFailed", "{error}");
    Ok(())
}
