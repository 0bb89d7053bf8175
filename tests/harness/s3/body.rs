//! Bodies that come slowly, stop, or end early.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use http_body_util::{BodyExt, BodyStream, StreamBody};
use hyper::body::Frame;
use s3s::Body;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Bytes handed on at once when a rate is kept.
const PIECE: usize = 1024;

fn chunks(body: Body) -> impl Stream<Item = Result<Bytes, Error>> + Send {
    BodyStream::new(body).filter_map(|frame| async {
        match frame {
            Ok(frame) => frame.into_data().ok().map(Ok),
            Err(error) => Some(Err(error)),
        }
    })
}

fn body(stream: impl Stream<Item = Result<Bytes, Error>> + Send + 'static) -> Body {
    Body::http_body_unsync(StreamBody::new(stream.map(|chunk| chunk.map(Frame::data))))
}

/// At most so many bytes a second.
pub(super) fn slowed(from: Body, bytes_per_second: u32) -> Body {
    let rate = f64::from(bytes_per_second.max(1));
    // A timer is not finer than a millisecond: pauses of five each keep the rate.
    let most = PIECE.max(bytes_per_second as usize / 200);
    let pieces = chunks(from).flat_map(move |chunk| {
        let pieces: Vec<Result<Bytes, Error>> = match chunk {
            Ok(chunk) => (0..chunk.len())
                .step_by(most)
                .map(|start| Ok(chunk.slice(start..(start + most).min(chunk.len()))))
                .collect(),
            Err(error) => vec![Err(error)],
        };
        futures::stream::iter(pieces)
    });
    body(pieces.then(move |piece| async move {
        if let Ok(piece) = &piece {
            let length = u32::try_from(piece.len()).unwrap_or(u32::MAX);
            let pause = Duration::from_secs_f64(f64::from(length) / rate);
            tokio::time::sleep(pause).await;
        }
        piece
    }))
}

/// What happens after the last byte that still comes.
#[derive(Clone, Copy)]
pub(super) enum Ending {
    /// The end, as if it were complete.
    Clean,
    /// A broken connection.
    Broken,
    /// Nothing, for ever.
    Silent,
}

/// Only the first `left` bytes.
pub(super) fn cut(from: Body, left: u64, ending: Ending) -> Body {
    let state = (Box::pin(chunks(from)), left);
    let first = futures::stream::unfold(state, |(mut rest, left)| async move {
        if left == 0 {
            return None;
        }
        let chunk = match rest.next().await? {
            Ok(chunk) => chunk.slice(..chunk.len().min(left as usize)),
            Err(error) => return Some((Err(error), (rest, 0))),
        };
        let left = left - chunk.len() as u64;
        Some((Ok(chunk), (rest, left)))
    });
    match ending {
        Ending::Clean => body(first),
        Ending::Broken => body(first.chain(futures::stream::once(broken()))),
        Ending::Silent => body(first.chain(futures::stream::pending())),
    }
}

async fn broken() -> Result<Bytes, Error> {
    // hyper drops what it has not written yet when a body fails; waiting lets it write.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    Err(io::Error::from(io::ErrorKind::ConnectionReset).into())
}

/// The first byte is another.
pub(super) fn flipped(from: Body) -> Body {
    body(chunks(from).enumerate().map(|(index, chunk)| {
        let mut bytes = chunk?.to_vec();
        match bytes.first_mut() {
            Some(first) if index == 0 => *first ^= 1,
            _ => {}
        }
        Ok(bytes.into())
    }))
}

/// Blanks, one at a time, and then the rest.
pub(super) fn after_blanks(from: Body, blanks: u32, every: Duration) -> Body {
    let blanks = futures::stream::iter(0..blanks).then(move |_| async move {
        tokio::time::sleep(every).await;
        Ok(Bytes::from_static(b" "))
    });
    body(blanks.chain(chunks(from)))
}

/// Half of a body.
pub(super) async fn half(from: Body) -> Body {
    let whole = BodyExt::collect(from)
        .await
        .map(http_body_util::Collected::to_bytes);
    let whole = whole.unwrap_or_default();
    Body::from(whole.slice(..whole.len() / 2))
}
