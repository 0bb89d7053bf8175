//! Certificates: one authority, and what it signs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub struct Pair {
    /// The certificate.
    pub cert: String,
    /// The private key.
    pub key: String,
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pair").finish_non_exhaustive()
    }
}

/// A certificate and its key as files.
#[derive(Debug, Clone)]
pub struct Files {
    /// The certificate.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

impl Pair {
    /// Writes `<name>.crt` and `<name>.key`.
    pub fn write(&self, folder: &Path, name: &str) -> Result<Files> {
        let files = Files {
            cert: folder.join(format!("{name}.crt")),
            key: folder.join(format!("{name}.key")),
        };
        fs::write(&files.cert, &self.cert).context("write a certificate")?;
        fs::write(&files.key, &self.key).context("write a key")?;
        Ok(files)
    }
}

/// A certificate authority.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes a new one.
    pub fn new(name: &str) -> Result<Self> {
        let mut params = params(name, &[])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().context("generate a key")?;
        Ok(Self {
            issuer: CertifiedIssuer::self_signed(params, key).context("sign an authority")?,
        })
    }

    /// Its certificate, in PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Signs a server's certificate for these host names and addresses. It may be used as a client's too, as etcd's
    /// own gateway does with it.
    pub fn server(&self, names: &[&str]) -> Result<Pair> {
        self.sign(
            params("server", names)?,
            &[
                ExtendedKeyUsagePurpose::ServerAuth,
                ExtendedKeyUsagePurpose::ClientAuth,
            ],
        )
    }

    /// Signs a server's certificate for these host names and addresses that was valid in 2020 only.
    pub fn expired_server(&self, names: &[&str]) -> Result<Pair> {
        let mut params = params("server", names)?;
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
        self.sign(params, &[ExtendedKeyUsagePurpose::ServerAuth])
    }

    /// Signs a client's certificate. etcd takes `name` for the user's name when it runs with authentication.
    pub fn client(&self, name: &str) -> Result<Pair> {
        self.sign(params(name, &[])?, &[ExtendedKeyUsagePurpose::ClientAuth])
    }

    /// Certificates with which a store on loopback is refused by whoever trusts this authority: a name for each, and part of what is said.
    pub fn unacceptable_to_stores(&self, stranger: &Self) -> Result<[(&'static str, Pair, &'static str); 3]> {
        Ok([
            (
                "expired",
                self.expired_server(&["127.0.0.1"])?,
                "it has expired: renew it",
            ),
            (
                "elsewhere",
                self.server(&["s3.example"])?,
                "it is not valid for 127.0.0.1: it names ",
            ),
            (
                "unknown",
                stranger.server(&["127.0.0.1"])?,
                "name the one that signed it (storage.s3.tls",
            ),
        ])
    }

    fn sign(&self, mut params: CertificateParams, usages: &[ExtendedKeyUsagePurpose]) -> Result<Pair> {
        params.extended_key_usages = usages.to_vec();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().context("generate a key")?;
        let cert = params
            .signed_by(&key, &self.issuer)
            .context("sign a certificate")?;
        Ok(Pair {
            cert: cert.pem(),
            key: key.serialize_pem(),
        })
    }
}

fn params(name: &str, names: &[&str]) -> Result<CertificateParams> {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).context("describe a certificate")?;
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}
