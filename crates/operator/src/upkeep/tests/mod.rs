//! Tests of upkeep: the order of work in the yard, and what the work does to a store.

mod bench;
mod care;
mod live;
mod prune;
mod wanted;
mod yard;
