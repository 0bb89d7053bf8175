//! Certificates of a server that are refused, in words that say what to change.

use std::fmt::Write as _;

use rustls::CertificateError;

use crate::error::Cause;

/// How much is shown of names that a certificate carries: whoever made it chose them.
const NAMES_SHOWN: usize = 8;
const NAME_SHOWN: usize = 100;

/// What is wrong with the certificate, and what to do.
pub(super) fn cause(fault: &CertificateError) -> Cause {
    let text = match fault {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired: renew it, or set this machine's clock if that is wrong".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet: set this machine's clock if that is wrong".to_owned()
        }
        CertificateError::UnknownIssuer => {
            "it is not signed by an authority that is trusted here: name the one that signed it (storage.s3.tls, or --s3-cacert)".to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => format!(
            "it is not valid for {}: {}. Use an endpoint that it names",
            expected.to_str(),
            named(presented)
        ),
        CertificateError::NotValidForName => {
            "it is not valid for the endpoint's host: use an endpoint that it names".to_owned()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it may not be used by a server (extended key usage)".to_owned()
        }
        CertificateError::Revoked => "it is revoked".to_owned(),
        other => format!("{other}: a server's certificate has to be signed by an authority, and be none itself"),
    };
    Cause::new(text)
}

fn named(names: &[String]) -> String {
    if names.is_empty() {
        // No current client looks at the common name.
        return "it names no host (no subjectAltName; the common name does not count)".to_owned();
    }
    let mut text = "it names ".to_owned();
    for (number, name) in names.iter().take(NAMES_SHOWN).enumerate() {
        let comma = if number == 0 { "" } else { ", " };
        let shown: String = name
            .chars()
            .filter(|c| !c.is_control())
            .take(NAME_SHOWN)
            .collect();
        // Writing into a String cannot fail.
        let _ = write!(text, "{comma}{shown}");
    }
    text
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::ServerName;

    use super::*;

    #[test]
    fn each_refusal_says_what_is_wrong_and_what_to_do() {
        for (fault, wrong, remedy) in [
            (CertificateError::Expired, "has expired", "renew it"),
            (CertificateError::NotValidYet, "not valid yet", "clock"),
            (
                CertificateError::UnknownIssuer,
                "not signed by",
                "storage.s3.tls, or --s3-cacert",
            ),
            (
                CertificateError::NotValidForName,
                "host",
                "use an endpoint that it names",
            ),
            (
                CertificateError::InvalidPurpose,
                "may not be used by a server",
                "extended key usage",
            ),
        ] {
            let text = cause(&fault).to_string();
            assert!(text.contains(wrong) && text.contains(remedy), "{text}");
        }
    }

    #[test]
    fn names_of_a_certificate_are_shown_in_bounds_and_without_control_characters() {
        let fault = CertificateError::NotValidForNameContext {
            expected: ServerName::try_from("s3.example").unwrap(),
            presented: vec![format!("\u{1b}[2J{}", "x".repeat(10_000)); 500],
        };
        let text = cause(&fault).to_string();
        assert!(
            text.starts_with("it is not valid for s3.example: it names [2J"),
            "{text}"
        );
        assert!(text.len() < 1100 && !text.contains('\u{1b}'), "{}", text.len());
    }
}
