//! Certificates that are refused, by either side, named.

use rustls::{AlertDescription, CertificateError};

use crate::{EtcdError, text};

/// What is wrong with a certificate or a key, in words that say what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateProblem {
    /// One of our files is no such PEM.
    #[error("the {file} is not usable: {what}")]
    Unreadable {
        /// Which one: "CA certificate", "client certificate" or "client key".
        file: &'static str,
        /// What is wrong with it; never its content.
        what: &'static str,
    },
    /// Our key is protected by a passphrase.
    #[error(
        "the client key is encrypted with a passphrase, which nobody could type here: store it decrypted (openssl pkey -in tls.key)"
    )]
    EncryptedKey,
    /// Our key and our certificate are not a pair.
    #[error(
        "the client key does not belong to the client certificate: one of them was replaced without the other"
    )]
    KeyMismatch,
    /// One of the pair is missing.
    #[error("a client certificate needs its key, and a key its certificate: only one of them is given")]
    Incomplete,
    /// No CA given, and the system has none.
    #[error(
        "no CA certificate is given and this system has no trust roots: give the CA that signed etcd's certificates"
    )]
    NoTrustRoots,
    /// The member's certificate is past its end.
    #[error("the member's certificate has expired")]
    Expired,
    /// The member's certificate is not valid yet.
    #[error("the member's certificate is not valid yet: is the clock right?")]
    NotValidYet,
    /// Another authority signed it.
    #[error("the member's certificate is not signed by the given CA")]
    UnknownIssuer,
    /// It is for other names.
    #[error("the member's certificate is not valid for {expected}: {}. Use an endpoint it names, or set the server name", named(.presented))]
    WrongName {
        /// The name that was looked for.
        expected: String,
        /// The names that it carries.
        presented: Vec<String>,
    },
    /// It may not be used by a server.
    #[error("the member's certificate may not be used by a server (extended key usage)")]
    WrongPurpose,
    /// Any other fault of the member's certificate.
    #[error("the member's certificate is not acceptable: {0}")]
    Unacceptable(String),
    /// The member wants to see a client certificate.
    #[error("the member demands a client certificate, and none was given")]
    ClientCertificateRequired,
    /// The member does not accept ours.
    #[error("the member refused the client certificate: {0}")]
    ClientCertificateRefused(&'static str),
    /// Both sides speak TLS, but not the same.
    #[error("the member refused the TLS handshake: {0}")]
    Handshake(String),
    /// The other side does not speak TLS at all.
    #[error("what listens there does not speak TLS: is http:// meant?")]
    NotTls,
}

fn named(names: &[String]) -> String {
    if names.is_empty() {
        // webpki, as every current client, does not look at the common name.
        return "it names no host (no subjectAltName; the common name does not count)".to_owned();
    }
    let names: Vec<_> = names.iter().take(8).map(|n| text::shown(n)).collect();
    format!("it names {}", names.join(", "))
}

impl From<CertificateProblem> for EtcdError {
    fn from(problem: CertificateProblem) -> Self {
        Self::CertificateInvalid {
            endpoint: None,
            problem,
        }
    }
}

impl CertificateProblem {
    /// What a TLS error means for whoever has to repair it; `None` where it does not concern certificates.
    pub(super) fn of(error: &rustls::Error) -> Option<Self> {
        match error {
            rustls::Error::InvalidCertificate(fault) => Some(Self::of_member(fault)),
            rustls::Error::AlertReceived(alert) => Some(Self::of_alert(*alert)),
            rustls::Error::InvalidMessage(_) => Some(Self::NotTls),
            _ => None,
        }
    }

    fn of_member(fault: &CertificateError) -> Self {
        match fault {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotValidYet,
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            CertificateError::NotValidForNameContext { expected, presented } => Self::WrongName {
                expected: expected.to_str().into_owned(),
                presented: presented.clone(),
            },
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                Self::WrongPurpose
            }
            other => Self::Unacceptable(text::shown(&other.to_string())),
        }
    }

    /// Go's server maps what it dislikes to these (crypto/tls/handshake_server.go, processCertsFromClient).
    fn of_alert(alert: AlertDescription) -> Self {
        match alert {
            AlertDescription::CertificateRequired => Self::ClientCertificateRequired,
            AlertDescription::UnknownCA => {
                Self::ClientCertificateRefused("it does not know the CA that signed it")
            }
            AlertDescription::CertificateExpired => {
                Self::ClientCertificateRefused("it has expired, or is not valid yet")
            }
            AlertDescription::CertificateRevoked => Self::ClientCertificateRefused("it is revoked"),
            AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnsupportedCertificate => Self::ClientCertificateRefused(
                "it is missing, or not made for clients, or signed by a CA it does not trust",
            ),
            other => Self::Handshake(format!("{other:?}")),
        }
    }
}
