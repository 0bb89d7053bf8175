//! Connections, and the faults that happen on them.

use std::io;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::Body;
use s3s::service::S3Service;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::answer;
use super::body::{self, Ending};
use super::fault::{Fault, Plan};
use super::request::Seen;

/// Breaks the connection, for hyper ends one whose service fails.
type Outcome = Result<Response<Body>, io::Error>;

fn broken() -> Outcome {
    Err(io::Error::from(io::ErrorKind::ConnectionReset))
}

/// Serves until it is dropped, and its connections with it.
pub(super) async fn serve(listener: TcpListener, service: S3Service, plan: Plan) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        while connections.try_join_next().is_some() {}
        let (service, plan) = (service.clone(), plan.clone());
        connections.spawn(async move {
            let answers = service_fn(move |request| handle(request, service.clone(), plan.clone()));
            // Errors here are the faults we make.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), answers)
                .await;
        });
    }
}

async fn handle(request: Request<Incoming>, service: S3Service, plan: Plan) -> Outcome {
    let seen = Seen::of(request.method(), request.uri(), request.headers());
    let fault = plan.next(&seen);
    let request = request.map(Body::from);
    let mut response = match fault {
        None => call(&service, request).await?,
        Some(fault) => faulty(fault, request, &service, &seen, &plan).await?,
    };
    answer::dated(&mut response);
    Ok(response)
}

async fn call(service: &S3Service, request: Request<Body>) -> Outcome {
    service.call(request).await.map_err(io::Error::other)
}

async fn faulty(
    fault: Fault,
    mut request: Request<Body>,
    service: &S3Service,
    seen: &Seen,
    plan: &Plan,
) -> Outcome {
    match fault {
        Fault::Answer {
            status,
            code,
            headers,
        } => {
            read_to_end(request).await;
            let mut response = answer::error(status, code, "as planned", "FAULT00000000001");
            for (name, value) in headers {
                answer::set(&mut response, name, &value);
            }
            Ok(response)
        }
        Fault::SignedForAnotherRegion { actual } => {
            read_to_end(request).await;
            Ok(answer::another_region(actual))
        }
        Fault::EchoCredentials { status } => {
            read_to_end(request).await;
            Ok(answer::echo(status, &seen.headers))
        }
        Fault::Drop => {
            read_to_end(request).await;
            broken()
        }
        Fault::ErrorInside200 => {
            read_to_end(request).await;
            Ok(answer::ok(
                "<Error><Code>InternalError</Code><Message>try again</Message></Error>",
            ))
        }
        Fault::EmptyAnswer { apply: false } => {
            read_to_end(request).await;
            Ok(answer::ok(""))
        }
        Fault::Stall => {
            read_to_end(request).await;
            plan.hold(seen).await
        }
        Fault::ApplyThenStall => {
            call(service, request).await?;
            plan.hold(seen).await
        }
        Fault::SlowReceive { bytes_per_second } => {
            let slowly = request.map(|from| body::slowed(from, bytes_per_second));
            call(service, slowly).await
        }
        Fault::DropMidRequest { after } => {
            let cut = request.map(|from| body::cut(from, after, Ending::Broken));
            read_to_end(cut).await;
            broken()
        }
        Fault::Corrupt(_) | Fault::IgnoreConditions | Fault::IgnoreRange | Fault::List(_) => {
            request.extensions_mut().insert(fault);
            call(service, request).await
        }
        after => {
            let response = call(service, request).await?;
            spoiled(after, response).await
        }
    }
}

/// Faults that happen once the deed is done.
async fn spoiled(fault: Fault, mut response: Response<Body>) -> Outcome {
    match fault {
        Fault::ApplyThenDrop => return broken(),
        Fault::ApplyThenAnswer { status, code } => {
            return Ok(answer::error(status, code, "as planned", "FAULT00000000002"));
        }
        Fault::EmptyAnswer { .. } => return Ok(answer::ok("")),
        Fault::HalfAnswer => {
            answer::forget_length(&mut response);
            let (head, whole) = response.into_parts();
            return Ok(Response::from_parts(head, body::half(whole).await));
        }
        Fault::Header { name, value } => answer::set(&mut response, name, &value),
        Fault::DripAnswer { bytes_per_second } => {
            response = response.map(|from| body::slowed(from, bytes_per_second));
        }
        Fault::StallAnswer { after } => {
            response = response.map(|from| body::cut(from, after, Ending::Silent));
        }
        Fault::BlanksFirst { blanks, every } => {
            answer::forget_length(&mut response);
            response = response.map(|from| body::after_blanks(from, blanks, every));
        }
        Fault::CutAnswer { after, clean: true } => {
            answer::forget_length(&mut response);
            response = response.map(|from| body::cut(from, after, Ending::Clean));
        }
        Fault::CutAnswer { after, clean: false } => {
            response = response.map(|from| body::cut(from, after, Ending::Broken));
        }
        Fault::FlipAnswer => response = response.map(body::flipped),
        _ => {}
    }
    Ok(response)
}

/// Clients that are still writing do not read; a fault after the request needs the whole request.
async fn read_to_end(request: Request<Body>) {
    use futures::StreamExt as _;
    let mut frames = http_body_util::BodyStream::new(request.into_body());
    while let Some(Ok(_)) = frames.next().await {}
}
