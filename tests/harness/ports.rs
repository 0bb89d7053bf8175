//! Ports that no other test takes.
//!
//! Asking the kernel for a free port and closing it again is a race with every other test and every outgoing
//! connection. So a process claims blocks of ports below the kernel's ephemeral range (32768 on Linux) by keeping the
//! first port of each bound; the others of the block are then its own.

use std::{
    net::{Ipv4Addr, TcpListener},
    ops::Range,
    process,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, Result};

const FIRST: u16 = 16_000;
const BLOCK: u16 = 100;
const BLOCKS: u16 = 160;

struct Claimed {
    /// Held until the process ends: the claims.
    guards: Vec<TcpListener>,
    left: Range<u16>,
}

static CLAIMED: Mutex<Claimed> = Mutex::new(Claimed {
    guards: Vec::new(),
    left: 0..0,
});

/// A free port on 127.0.0.1 that no other test process of this machine is given.
pub fn free() -> Result<u16> {
    let mut claimed = CLAIMED.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        // Something that is no test of ours may listen there.
        let bindable = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
        if let Some(port) = claimed.left.by_ref().find(bindable) {
            return Ok(port);
        }
        let (guard, block) = claim().context("no block of ports is free")?;
        claimed.guards.push(guard);
        claimed.left = block;
    }
}

fn claim() -> Option<(TcpListener, Range<u16>)> {
    // Processes start at different blocks, so that the search is short.
    let start = u16::try_from(process::id() % u32::from(BLOCKS)).unwrap_or(0);
    (0..BLOCKS).find_map(|step| {
        let base = FIRST + (start + step) % BLOCKS * BLOCK;
        let guard = TcpListener::bind((Ipv4Addr::LOCALHOST, base)).ok()?;
        Some((guard, base + 1..base + BLOCK))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_port_is_given_twice() {
        let ports: BTreeSet<_> = (0..150).map(|_| free().unwrap()).collect();
        assert_eq!(ports.len(), 150);
    }
}
