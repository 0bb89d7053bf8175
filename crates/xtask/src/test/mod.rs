//! `cargo xtask test`: the tiers that CI runs are the tiers that exist.

mod room;
mod tiers;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;
use xtask::say;

pub(crate) use tiers::Tier;

/// Options of the tests.
#[derive(Args)]
pub(crate) struct Options {
    /// Which; all of them, in this order, when absent
    #[arg(value_enum)]
    tiers: Vec<Tier>,
    /// For cargo test, such as a test's name
    #[arg(last = true)]
    extra: Vec<String>,
}

struct Outcome {
    tier: Tier,
    time: Duration,
    result: Result<()>,
}

/// Runs every tier asked for, also after one has failed, and then says how each went.
pub(crate) fn run(options: &Options) -> Result<()> {
    let tiers = if options.tiers.is_empty() {
        &Tier::ALL[..]
    } else {
        &options.tiers
    };
    let mut outcomes = Vec::new();
    for &tier in tiers {
        say!("\n== {tier}: {}", tier.what());
        let start = Instant::now();
        let result = room::check().and_then(|()| tier.run(tiers, &options.extra));
        if let Err(error) = &result {
            say!("\n{tier} failed: {error:#}");
        }
        outcomes.push(Outcome {
            tier,
            time: start.elapsed(),
            result,
        });
    }
    summarise(&outcomes)
}

fn summarise(outcomes: &[Outcome]) -> Result<()> {
    say!("\n{:<12} {:>8}  result", "tier", "seconds");
    for Outcome { tier, time, result } in outcomes {
        let word = match result {
            Ok(()) => "ok".to_owned(),
            Err(error) => format!("FAILED: {error:#}"),
        };
        say!("{:<12} {:>8.1}  {word}", tier.to_string(), time.as_secs_f64());
    }
    let failed = outcomes.iter().filter(|outcome| outcome.result.is_err()).count();
    if failed > 0 {
        bail!("{failed} of {} tiers failed", outcomes.len());
    }
    Ok(())
}
