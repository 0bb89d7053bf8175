//! Carrying bytes.

use std::{io, net::Ipv4Addr, sync::Arc, sync::atomic::Ordering};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::{Cut, NONE, Wire};

impl Cut {
    fn hits(&self, beginning: &[u8]) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::From(texts) => texts.iter().any(|text| {
                let text = text.as_bytes();
                beginning.windows(text.len()).any(|window| window == text)
            }),
        }
    }
}

/// Takes connections until the task is aborted, which ends them too.
pub(super) async fn all(listener: TcpListener, server: u16, wire: Arc<Wire>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        connections.spawn(one(client, server, Arc::clone(&wire)));
        while connections.try_join_next().is_some() {}
    }
}

async fn one(mut client: TcpStream, server: u16, wire: Arc<Wire>) {
    let mut beginning = vec![0; 8192];
    // Clients speak first in all that passes here: HTTP/1, HTTP/2 and TLS.
    let Ok(length @ 1..) = client.read(&mut beginning).await else {
        return;
    };
    beginning.truncate(length);
    let mut rules = wire.rules.subscribe();
    tokio::select! {
        // Each end sees its connection close; what became of it there is its own business.
        _ = pass(client, server, &beginning, &wire) => {}
        _ = rules.wait_for(|rules| rules.cut.hits(&beginning)) => {}
    }
}

async fn pass(client: TcpStream, server: u16, beginning: &[u8], wire: &Wire) -> io::Result<()> {
    if wire.rules.borrow().cut.hits(beginning) {
        return Ok(());
    }
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await?;
    server.write_all(beginning).await?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::select! {
        asked = tokio::io::copy(&mut from_client, &mut to_server) => asked.map(drop),
        answered = answer(&mut from_server, &mut to_client, wire) => answered,
    }
}

/// The server's direction, where the harm is done.
async fn answer(
    server: &mut (impl AsyncReadExt + Unpin),
    client: &mut (impl AsyncWriteExt + Unpin),
    wire: &Wire,
) -> io::Result<()> {
    let mut rules = wire.rules.subscribe();
    let mut bytes = vec![0; 32 * 1024];
    let mut sent = 0;
    loop {
        // A wire that is gone holds nothing back.
        let _ = rules
            .wait_for(|rules| rules.hold_after.is_none_or(|limit| sent < limit))
            .await;
        let length = server.read(&mut bytes).await?;
        if length == 0 {
            return Ok(());
        }
        harm(wire, sent, &mut bytes[..length]);
        client.write_all(&bytes[..length]).await?;
        sent += length as u64;
        wire.answered.fetch_add(length as u64, Ordering::SeqCst);
    }
}

/// Flips the bit if it is in these bytes, which begin at `sent`, and nobody was faster.
fn harm(wire: &Wire, sent: u64, bytes: &mut [u8]) {
    let wanted = wire.flip.load(Ordering::SeqCst);
    let here = wanted
        .checked_sub(sent)
        .and_then(|offset| usize::try_from(offset).ok());
    let Some(byte) = here.and_then(|offset| bytes.get_mut(offset)) else {
        return;
    };
    let mine = wire
        .flip
        .compare_exchange(wanted, NONE, Ordering::SeqCst, Ordering::SeqCst);
    if mine.is_ok() {
        *byte ^= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::super::Proxy;
    use super::*;

    static ANSWER: [u8; 100_000] = [b'.'; 100_000];

    /// A server that answers every connection's first bytes with [`ANSWER`].
    async fn server() -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let _ = client.read(&mut [0; 100]).await;
                    let _ = client.write_all(&ANSWER).await;
                });
            }
        });
        port
    }

    async fn ask(port: u16, question: &str) -> Vec<u8> {
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        client.write_all(question.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A connection that is cut may end in an error as well as in an end.
        let _ = client.read_to_end(&mut answer).await;
        answer
    }

    #[tokio::test]
    async fn bytes_pass_and_one_bit_is_flipped_once_where_it_should_be() {
        let proxy = Proxy::before(server().await).unwrap();
        assert_eq!(ask(proxy.port(), "a").await, ANSWER);
        proxy.flip_bit(70_001);
        assert!(!proxy.has_flipped());
        let mut wrong = ANSWER;
        wrong[70_001] ^= 1;
        assert_eq!(ask(proxy.port(), "a").await, wrong);
        assert!(proxy.has_flipped());
        assert_eq!(ask(proxy.port(), "a").await, ANSWER);
        assert_eq!(proxy.answered(), 300_000);
    }

    #[tokio::test]
    async fn connections_of_one_client_are_cut_and_those_of_others_are_not() {
        let proxy = Proxy::before(server().await).unwrap();
        proxy.cut_from("X-From: b");
        assert_eq!(ask(proxy.port(), "GET / X-From: b").await, b"");
        assert_eq!(ask(proxy.port(), "GET / X-From: c").await, ANSWER);
        proxy.cut();
        assert_eq!(ask(proxy.port(), "GET / X-From: c").await, b"");
        proxy.heal();
        assert_eq!(ask(proxy.port(), "GET / X-From: b").await, ANSWER);
    }

    #[tokio::test]
    async fn what_is_held_stays_open_and_goes_on_afterwards() {
        let proxy = Proxy::before(server().await).unwrap();
        proxy.hold_after(1);
        let port = proxy.port();
        let mut asking = tokio::spawn(async move { ask(port, "a").await });
        assert!(timeout(Duration::from_millis(100), &mut asking).await.is_err());
        proxy.heal();
        assert_eq!(asking.await.unwrap(), ANSWER);
    }
}
