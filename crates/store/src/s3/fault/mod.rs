//! What the SDK's errors mean.
//!
//! They hold whole requests and responses, and print them. So what is safe and useful is taken out of them
//! into a [`Fault`] at once, and from that the [`StoreError`] is made by a plain function.

mod certificate;
mod codes;
mod explain;

use std::error::Error;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId as _;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use etcd_backup_dial::DialError;

use super::flow::Stalled;
use crate::error::Cause;
pub(super) use codes::Meaning;
pub(super) use explain::Place;

/// What happened to a request.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    kind: Kind,
    status: Option<u16>,
    code: Option<&'static str>,
    request_id: Option<String>,
    region: Option<String>,
    retry_after: Option<Duration>,
}

#[derive(Debug, Clone)]
enum Kind {
    /// The server said so.
    Answer(Meaning),
    /// No answer, or none that could be read.
    Broken(Cause),
    Stalled(Duration),
    Refused(Cause),
    Certificate(Cause),
    NoCredentials(Cause),
}

impl Fault {
    /// Takes what matters out of an error of the SDK.
    pub(super) fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let mut fault = Self {
            kind: Kind::Broken(Cause::new("the answer could not be understood")),
            status: None,
            code: None,
            request_id: error.request_id().map(str::to_owned),
            region: None,
            retry_after: None,
        };
        if let Some(response) = error.raw_response() {
            fault.read_headers(response);
            fault.region = fault.region.or_else(|| region_in(response));
        }
        match error {
            SdkError::ServiceError(answer) => fault.read_code(answer.err().code()),
            // A success that cannot be parsed, or a failure whose body is not XML.
            SdkError::ResponseError(_) => match (fault.status, find::<Stalled>(error)) {
                (_, Some(stalled)) => fault.kind = Kind::Stalled(stalled.after),
                (Some(status), None) if status >= 300 => fault.read_code(None),
                _ => {}
            },
            _ => fault.kind = undelivered(error),
        }
        fault
    }

    fn read_headers(&mut self, response: &HttpResponse) {
        let header = |name| response.headers().get(name);
        self.status = Some(response.status().as_u16());
        self.region = header("x-amz-bucket-region")
            .filter(|region| is_region(region))
            .map(str::to_owned);
        // Seconds; the form with a date is not used by any S3 server.
        self.retry_after = header("retry-after")
            .and_then(|seconds| seconds.parse().ok())
            .map(Duration::from_secs);
    }

    fn read_code(&mut self, code: Option<&str>) {
        let known = code.and_then(codes::known);
        self.code = known.map(|(code, _)| code);
        let by_status = self.status.map_or(Meaning::TryAgain, codes::of_status);
        let meaning = match known {
            Some((_, meaning)) => meaning,
            // An error inside a 200: Complete says so when it fails after it began to answer.
            None if self.status.is_some_and(|status| status < 300) => Meaning::TryAgain,
            None => by_status,
        };
        let asked_to_wait = meaning == Meaning::TryAgain && self.retry_after.is_some();
        self.kind = Kind::Answer(if asked_to_wait { Meaning::SlowDown } else { meaning });
    }

    /// The server's answer, if there was one.
    pub(super) fn meaning(&self) -> Option<Meaning> {
        match self.kind {
            Kind::Answer(meaning) => Some(meaning),
            _ => None,
        }
    }

    /// Drops a request id that repeats this secret or half-secret of ours.
    #[must_use]
    pub(super) fn without(mut self, secret: &str) -> Self {
        self.request_id = self.request_id.filter(|id| !id.contains(secret));
        self
    }

    pub(super) fn means(&self, meaning: Meaning) -> bool {
        self.meaning() == Some(meaning)
    }
}

/// The region's name goes into a message, so it must look like one: `eu-central-1`. Key ids do not.
fn is_region(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=24).contains(&text.len()) && text.chars().all(plain)
}

/// AWS names the right region in the body when a signature is for another, and the SDK drops it.
fn region_in(response: &HttpResponse) -> Option<String> {
    let body = std::str::from_utf8(response.body().bytes()?).ok()?;
    let (_, rest) = body.split_once("<Region>")?;
    let (region, _) = rest.split_once("</Region>")?;
    is_region(region).then(|| region.to_owned())
}

/// Why there was no answer.
fn undelivered(error: &(dyn Error + 'static)) -> Kind {
    if let Some(stalled) = find::<Stalled>(error) {
        return Kind::Stalled(stalled.after);
    }
    if let Some(DialError::Refused(refused)) = find::<DialError>(error) {
        return Kind::Refused(Cause::chain(refused));
    }
    if let Some(failed) = find::<CredentialsError>(error) {
        return no_credentials(failed);
    }
    match find::<rustls::Error>(error) {
        Some(rustls::Error::InvalidCertificate(why)) => {
            return Kind::Certificate(certificate::cause(why));
        }
        // Nothing at all of TLS, as a server of plain HTTP answers it.
        Some(rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType)) => {
            return Kind::Broken(Cause::new(
                "what listens there does not speak TLS: is http:// meant?",
            ));
        }
        // A broken handshake may be a broken network: it stays transient.
        Some(other) => return Kind::Broken(Cause::new(format!("TLS: {other}"))),
        None => {}
    }
    // Errors of the connector: the operating system's, DNS's, HTTP's. None of them repeats a response.
    Kind::Broken(
        error
            .source()
            .map_or_else(|| Cause::new("no answer"), Cause::chain),
    )
}

/// Providers put what they were told into their errors; so only the kind is taken.
fn no_credentials(error: &CredentialsError) -> Kind {
    match error {
        CredentialsError::CredentialsNotLoaded(_) => {
            Kind::NoCredentials(Cause::new("no provider of credentials has any"))
        }
        CredentialsError::InvalidConfiguration(_) => {
            // Which of the two, only its words say.
            Kind::NoCredentials(Cause::new(
                "the profile or another provider of credentials is misconfigured, or of a kind that is not supported here (sso and \
                 login sessions): what `aws configure export-credentials --format env` prints is",
            ))
        }
        // It has some, and may give them the next time.
        CredentialsError::ProviderTimedOut(_) => {
            Kind::Broken(Cause::new("the provider of credentials did not answer in time"))
        }
        _ => Kind::Broken(Cause::new("the provider of credentials failed")),
    }
}

/// The first error of this type in the chain of sources.
///
/// `io::Error` hides what it wraps from `source()`, and TLS errors arrive in one, so it is opened here.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        let inner = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// A failure in the middle of an answer's body.
pub(super) fn broken_body(error: &(dyn Error + 'static)) -> Result<Cause, Duration> {
    match find::<Stalled>(error) {
        Some(stalled) => Err(stalled.after),
        None => Ok(error
            .source()
            .map_or_else(|| Cause::new("the connection ended"), Cause::chain)),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_server_of_plain_http_behind_https_is_told_as_such() {
        let fault = rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType);
        let error = io::Error::new(io::ErrorKind::InvalidData, fault);
        let Kind::Broken(cause) = undelivered(&error) else {
            panic!("it may come right, as any handshake that broke");
        };
        assert!(cause.to_string().contains("is http:// meant?"), "{cause}");
    }

    #[test]
    fn a_profile_of_a_kind_that_is_not_supported_is_told_with_a_way_out_and_without_its_words() {
        let Kind::NoCredentials(cause) = no_credentials(&CredentialsError::invalid_configuration("CANARY"))
        else {
            panic!("there are none");
        };
        let said = cause.to_string();
        assert!(
            said.contains("export-credentials") && !said.contains("CANARY"),
            "{said}"
        );
    }
}
