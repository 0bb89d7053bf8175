//! What tests of this crate share: real snapshots, requests to write them, and a store that fails and lies on demand.

mod faulty;
mod fixture;
mod lies;
mod request;

pub(crate) use faulty::{Fault, Faulty, Op, denied, down};
pub(crate) use fixture::{fixture, fixtures};
pub(crate) use lies::Lies;
pub(crate) use request::{
    PLAN, age_pair, control, live_now, owner, request, small_limits, source, source_of, write_fixture,
};
