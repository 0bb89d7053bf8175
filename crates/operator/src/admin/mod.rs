//! What the operator answers on its admin ports: `/metrics`, `/healthz`, `/readyz`. Nothing here needs a secret
//! and nothing here shows one.

mod health;
mod serve;
#[cfg(test)]
mod tests;

pub use health::{Check, Health};
pub use serve::{health_router, metrics_router, serve};
