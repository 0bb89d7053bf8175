//! What answers from outside.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tracing::error;

use super::Process;
use crate::admin::{Health, health_router, metrics_router, serve};
use crate::error::RunError;
use crate::settings::Settings;

impl Process {
    /// `/metrics`, `/healthz`, `/readyz`: on one port or two.
    pub(super) async fn serve_admin(&mut self, settings: &Settings, health: &Health) -> Result<(), RunError> {
        let metrics = metrics_router(Arc::clone(&self.shared.metrics));
        let probes = health_router(health.clone());
        let (at, probes_at) = (settings.metrics_bind_address, settings.health_bind_address);
        let routers = if at == probes_at {
            vec![(at, metrics.merge(probes))]
        } else {
            vec![(at, metrics), (probes_at, probes)]
        };
        for (address, router) in routers {
            let listener = listen(address).await?;
            let end = self.end.clone().cancelled_owned();
            self.spawn("the admin server", async move {
                if let Err(error) = serve(listener, router, end).await {
                    error!(%error, %address, "The admin server failed");
                }
            });
        }
        self.spawn("the heartbeat", health.clone().keep_beating());
        Ok(())
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, RunError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| RunError::Listen { address, source })
}
