//! Cutting a member off from the others.

use anyhow::{Context, Result};

use super::{Etcd, Member};
use crate::proxy::Proxy;

impl Etcd {
    /// Cuts this member off from all others, in both directions. Clients still reach it. The cluster must have been
    /// started as [`separable`](super::Start::separable).
    pub async fn cut_off(&self, index: usize) -> Result<()> {
        let answer = self
            .client()
            .await?
            .member_list()
            .await
            .context("list the members")?;
        let name = &self.member(index).name;
        let id = answer.members().iter().find(|member| member.name() == name);
        let id = id.with_context(|| format!("no member is called {name}"))?.id();
        // Every connection between members belongs to the one that opened it, and says so in its first request (etcd's
        // server/etcdserver/api/rafthttp, pipeline.go and stream.go; an id is written in hexadecimal without zeros).
        let from = format!("X-Server-From: {id:x}\r\n");
        for (other, member) in self.members().iter().enumerate() {
            let wire = wire(member)?;
            if other == index {
                wire.cut();
            } else {
                wire.cut_from(&from);
            }
        }
        Ok(())
    }

    /// Joins again what was cut off.
    pub fn join(&self) -> Result<()> {
        self.members()
            .iter()
            .try_for_each(|member| wire(member).map(Proxy::heal))
    }
}

fn wire(member: &Member) -> Result<&Proxy> {
    member
        .wire
        .as_ref()
        .context("the cluster was not started as separable")
}
