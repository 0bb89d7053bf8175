//! What our certificates and keys make: checked before they are used.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    sign::{CertifiedKey, SingleCertAndKey},
};
use tokio_rustls::TlsConnector;

use super::CertificateProblem;
use crate::{EtcdError, Tls, text};

/// The one protocol that is offered (RFC 7301): gRPC is HTTP/2.
const ALPN: &[u8] = b"h2";

/// TLS towards one endpoint.
#[derive(Clone)]
pub(super) struct Secured {
    pub(super) connector: TlsConnector,
    /// Who the member must prove to be.
    pub(super) name: ServerName<'static>,
}

/// Turns PEM into a TLS client for `host`. Everything that can be found wrong without connecting is found here.
pub(super) fn secure(host: &str, tls: Option<&Tls>) -> Result<Secured, EtcdError> {
    let nothing = Tls::default();
    let tls = tls.unwrap_or(&nothing);
    let roots = match &tls.ca_pem {
        Some(pem) => given_roots(pem)?,
        None => system_roots()?,
    };
    let provider = provider();
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|_| invalid("the TLS library offers no protocol version".to_owned()))?
        .with_root_certificates(roots);
    let mut config = match (&tls.cert_pem, &tls.key_pem) {
        (Some(cert), Some(key)) => {
            let pair = pair(cert, key, &provider)?;
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(pair)))
        }
        (None, None) => builder.with_no_client_auth(),
        _ => return Err(CertificateProblem::Incomplete.into()),
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Secured {
        connector: TlsConnector::from(Arc::new(config)),
        name: server_name(tls.server_name.as_deref().unwrap_or(host))?,
    })
}

/// The process' choice of cryptography, or the one that this project is built with.
fn provider() -> Arc<CryptoProvider> {
    CryptoProvider::get_default()
        .cloned()
        .unwrap_or_else(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}

fn server_name(name: &str) -> Result<ServerName<'static>, EtcdError> {
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(bare.to_owned()).map_err(|_| {
        let name = text::shown(name);
        invalid(format!(
            "the server name {name:?} is neither a host name nor an address"
        ))
    })
}

fn invalid(what: String) -> EtcdError {
    EtcdError::InvalidConfig { what }
}

/// What `openssl x509 -req` makes without an extension file is of version 1, which no current client takes.
const NO_CERTIFICATE: &str = "it holds something that is no X.509 certificate of version 3";

fn system_roots() -> Result<RootCertStore, CertificateProblem> {
    let mut roots = RootCertStore::empty();
    // What cannot be read is left out, as by every client of the system's store.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(CertificateProblem::NoTrustRoots);
    }
    Ok(roots)
}

fn given_roots(pem: &[u8]) -> Result<RootCertStore, CertificateProblem> {
    const FILE: &str = "CA certificate";
    let mut roots = RootCertStore::empty();
    for certificate in certificates(FILE, pem)? {
        roots
            .add(certificate)
            .map_err(|_| CertificateProblem::Unreadable {
                file: FILE,
                what: NO_CERTIFICATE,
            })?;
    }
    Ok(roots)
}

fn pair(cert: &[u8], key: &[u8], provider: &CryptoProvider) -> Result<CertifiedKey, CertificateProblem> {
    let chain = certificates("client certificate", cert)?;
    let pem = String::from_utf8_lossy(key);
    // PKCS#8's and the older OpenSSL form of saying so.
    if pem.contains("BEGIN ENCRYPTED PRIVATE KEY") || pem.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(CertificateProblem::EncryptedKey);
    }
    let unreadable = |what| CertificateProblem::Unreadable {
        file: "client key",
        what,
    };
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| {
        unreadable("it holds no PEM block of a private key (PRIVATE KEY, RSA PRIVATE KEY, EC PRIVATE KEY)")
    })?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => CertificateProblem::KeyMismatch,
        rustls::Error::InvalidCertificate(_) => CertificateProblem::Unreadable {
            file: "client certificate",
            what: NO_CERTIFICATE,
        },
        _ => unreadable("it is no RSA, ECDSA or Ed25519 key"),
    })
}

fn certificates(file: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, CertificateProblem> {
    let unreadable = |what| CertificateProblem::Unreadable { file, what };
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| unreadable("its PEM is damaged"))?;
    if found.is_empty() {
        return Err(unreadable("it holds no PEM block CERTIFICATE"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn made() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let cert = CertificateParams::new(vec!["etcd.test".to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        (cert.pem(), key.serialize_pem())
    }

    fn check(cert: &str, key: &str) -> Result<(), CertificateProblem> {
        pair(cert.as_bytes(), key.as_bytes(), &provider()).map(drop)
    }

    #[test]
    fn a_matching_pair_and_a_real_ca_are_accepted() {
        let (cert, key) = made();
        assert_eq!(check(&cert, &key), Ok(()));
        assert_eq!(given_roots(cert.as_bytes()).unwrap().len(), 1);
        assert_eq!(
            given_roots(format!("# a bundle\n{cert}\n{cert}").as_bytes())
                .unwrap()
                .len(),
            2
        );
    }

    #[test]
    fn a_certificate_of_the_first_version_is_told_as_such() {
        // Of `openssl x509 -req`, without an extension file.
        const FIRST: &str = "-----BEGIN CERTIFICATE-----
MIIBFzCBvgIUVSggCxhd01aJmkCm8Soly5rv/SAwCgYIKoZIzj0EAwIwEDEOMAwG
A1UEAwwFb3RoZXIwHhcNMjYxMTI4MjIxMDU0WhcNMjYxMTI5MjIxMDU0WjANMQsw
CQYDVQQDDAJtZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABJtuQ3S3Ds1j4ykg
mFCpNwYxS+OkOpcv6JGZkKrAchRWD5rAazptYQZ8X3l98ZwVrKZ/Stp6JyQ3LLN0
o23BU/YwCgYIKoZIzj0EAwIDSAAwRQIgOokZU6XPKclRTMAY1vlHCV7+v62sGi9p
9CURrFEg1KACIQDtrxQWq96cY9P7E684oPJI6g9m9iHP4rH/rGae6Dr5nQ==
-----END CERTIFICATE-----
";
        let told = check(FIRST, &made().1).unwrap_err().to_string();
        assert!(
            told.contains("client certificate") && told.contains("version 3"),
            "{told}"
        );
    }

    #[test]
    fn unusable_files_are_named_by_what_is_wrong_with_them() {
        let (cert, key) = made();
        let (_, other_key) = made();
        let unreadable = |problem: CertificateProblem, expected: &str| match problem {
            CertificateProblem::Unreadable { file, .. } => assert_eq!(file, expected),
            other => panic!("{other:?}"),
        };
        for garbage in [
            "",
            "garbage",
            "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n",
            &key,
        ] {
            unreadable(given_roots(garbage.as_bytes()).unwrap_err(), "CA certificate");
            unreadable(check(garbage, &key).unwrap_err(), "client certificate");
        }
        let no_x509 = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        unreadable(given_roots(no_x509.as_bytes()).unwrap_err(), "CA certificate");
        for garbage in [
            "",
            "garbage",
            &cert,
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        ] {
            unreadable(check(&cert, garbage).unwrap_err(), "client key");
        }
        for encrypted in [
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
        ] {
            assert_eq!(check(&cert, encrypted), Err(CertificateProblem::EncryptedKey));
        }
        assert_eq!(check(&cert, &other_key), Err(CertificateProblem::KeyMismatch));
    }
}
