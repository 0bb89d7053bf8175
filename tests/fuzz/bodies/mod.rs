//! What the fuzz targets do with their bytes. `crates/snapshot/tests/fuzz.rs` does the same in every run of the unit tests, with
//! bytes from a seed.

mod base;
pub(crate) mod restore;
pub(crate) mod scan;
pub(crate) mod verify;
pub(crate) mod walk;
