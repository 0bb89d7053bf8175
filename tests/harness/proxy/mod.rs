//! A wire that misbehaves: a TCP proxy on loopback between a client and a server.
//!
//! It carries bytes as they are, of whatever protocol, until it is told to flip a bit, to stand still or to cut.
//!
//! ```no_run
//! # use harness::{etcd::{Etcd, Version}, proxy::Proxy};
//! # async fn example() -> anyhow::Result<()> {
//! let etcd = Etcd::start(Version::V3_6).await?;
//! let wire = Proxy::before(etcd.member(0).port())?;
//! wire.flip_bit(500_000);
//! // A client of `wire.port()` now gets one wrong bit.
//! # Ok(())
//! # }
//! ```

mod carry;

use std::{
    net::{Ipv4Addr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::{Context, Result};
use tokio::{sync::watch, task::JoinHandle};

use crate::ports;

/// No bit is to be flipped.
const NONE: u64 = u64::MAX;

/// The proxy; connections end when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    wire: Arc<Wire>,
    task: JoinHandle<()>,
}

/// What all connections share.
#[derive(Debug)]
struct Wire {
    rules: watch::Sender<Rules>,
    flip: AtomicU64,
    answered: AtomicU64,
}

#[derive(Debug, Default)]
struct Rules {
    cut: Cut,
    /// Connections over which the server has sent this many bytes stand still.
    hold_after: Option<u64>,
}

/// Which connections are cut, and refused from then on.
#[derive(Debug, Default)]
enum Cut {
    #[default]
    None,
    All,
    /// Those whose client's first bytes hold one of these texts.
    From(Vec<String>),
}

impl Proxy {
    /// Starts one in front of this port on 127.0.0.1. Must be called within a tokio runtime.
    pub fn before(server: u16) -> Result<Self> {
        let port = ports::free()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).context("listen")?;
        listener
            .set_nonblocking(true)
            .context("listen without blocking")?;
        let listener = tokio::net::TcpListener::from_std(listener).context("listen in the runtime")?;
        let wire = Arc::new(Wire {
            rules: watch::Sender::default(),
            flip: AtomicU64::new(NONE),
            answered: AtomicU64::new(0),
        });
        let task = tokio::spawn(carry::all(listener, server, Arc::clone(&wire)));
        Ok(Self { port, wire, task })
    }

    /// Where it listens on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Flips one bit, once: in the byte at this offset of what the server sends over one connection, whichever gets
    /// there first.
    pub fn flip_bit(&self, offset: u64) {
        self.wire.flip.store(offset, Ordering::SeqCst);
    }

    /// Whether the bit that was to be flipped has been.
    pub fn has_flipped(&self) -> bool {
        self.wire.flip.load(Ordering::SeqCst) == NONE
    }

    /// Lets every connection stand still, and stay open, once the server has sent this many bytes over it.
    pub fn hold_after(&self, bytes: u64) {
        self.wire
            .rules
            .send_modify(|rules| rules.hold_after = Some(bytes));
    }

    /// Cuts every connection and takes no new one.
    pub fn cut(&self) {
        self.wire.rules.send_modify(|rules| rules.cut = Cut::All);
    }

    /// The same for connections whose client begins with bytes that hold `text`, such as an HTTP header.
    pub fn cut_from(&self, text: &str) {
        self.wire.rules.send_modify(|rules| match &mut rules.cut {
            Cut::From(texts) => texts.push(text.to_owned()),
            cut => *cut = Cut::From(vec![text.to_owned()]),
        });
    }

    /// Carries everything again. What was cut stays so: clients connect anew.
    pub fn heal(&self) {
        self.wire.rules.send_modify(|rules| *rules = Rules::default());
    }

    /// Bytes that servers have sent to clients, over all connections.
    pub fn answered(&self) -> u64 {
        self.wire.answered.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}
