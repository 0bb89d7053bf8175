//! Answers that the server itself would not give.

use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, DATE};
use hyper::{HeaderMap, Response, StatusCode};
use s3s::Body;

/// An error as S3 words it.
pub(super) fn error(status: u16, code: &str, message: &str, request_id: &str) -> Response<Body> {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message>\
         <RequestId>{}</RequestId></Error>",
        escaped(code),
        escaped(message),
        escaped(request_id)
    );
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    set(&mut response, CONTENT_TYPE.as_str(), "application/xml");
    set(&mut response, "x-amz-request-id", request_id);
    response
}

/// The error for a signature that names another region.
pub(super) fn another_region(actual: &str) -> Response<Body> {
    let text = format!(
        "<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region is wrong</Message>\
         <Region>{actual}</Region></Error>"
    );
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    set(&mut response, CONTENT_TYPE.as_str(), "application/xml");
    response
}

/// An error that repeats what the request authenticated itself with, wherever an answer has room for it.
pub(super) fn echo(status: u16, headers: &HeaderMap) -> Response<Body> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let authorization = header(AUTHORIZATION.as_str()).unwrap_or_default();
    let token = header("x-amz-security-token").unwrap_or_default();
    let key_id = authorization.split(['=', '/']).nth(1).unwrap_or_default();
    let message = format!("cannot serve Authorization: {authorization} {token}");
    let mut response = error(status, key_id, &message, key_id);
    set(&mut response, "x-amz-bucket-region", key_id);
    set(&mut response, "x-amz-id-2", authorization);
    response
}

/// 200 with this in it.
pub(super) fn ok(text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text.to_owned()));
    set(&mut response, CONTENT_TYPE.as_str(), "application/xml");
    response
}

/// Replaces a header; an unusable value leaves it out.
pub(super) fn set(response: &mut Response<Body>, name: &str, value: &str) {
    let name = hyper::header::HeaderName::from_bytes(name.as_bytes());
    let value = hyper::header::HeaderValue::from_str(value);
    if let (Ok(name), Ok(value)) = (name, value) {
        response.headers_mut().insert(name, value);
    }
}

/// For a body whose length is no longer what was promised.
pub(super) fn forget_length(response: &mut Response<Body>) {
    response.headers_mut().remove(CONTENT_LENGTH);
}

/// Says when, as every server does.
pub(super) fn dated(response: &mut Response<Body>) {
    if !response.headers().contains_key(DATE) {
        let now: chrono::DateTime<chrono::Utc> = std::time::SystemTime::now().into();
        let date = now.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        set(response, DATE.as_str(), &date);
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
