//! What restored clusters are asked, most of it of every member.

use anyhow::{Context, Result, ensure};
use etcd_client::{AlarmAction, AlarmOptions, AlarmType, GetOptions, WatchOptions};

use super::{
    cluster::Cluster,
    held::{self, Held},
    saved::{At, READER, ROOT},
};

impl Cluster {
    /// Fails unless every member holds this by itself, and has its HashKV.
    pub(super) async fn ensure_holds(&self, at: &At, when: &str) -> Result<()> {
        self.ensure_hashes((at.revision, at.hash), when).await?;
        for member in 0..self.members() {
            let held = Held::ask(&mut self.client(member).await?, at.revision).await?;
            held.ensure_is(&at.held)
                .with_context(|| format!("of member {member}, {when}"))?;
        }
        Ok(())
    }

    /// Fails unless just these alarms are raised.
    pub(super) async fn ensure_alarms(&self, expected: &[(&'static str, u64)]) -> Result<()> {
        let alarms = held::alarms(&mut self.client(0).await?).await?;
        let expected = expected.iter().copied().collect();
        ensure!(
            alarms == expected,
            "the alarms are {alarms:?}, and should be {expected:?}"
        );
        Ok(())
    }

    /// Fails unless a write is refused with these words, as alarms have it.
    pub(super) async fn ensure_refuses(&self, words: &str) -> Result<()> {
        refused(self.client(0).await?.put("new", "value", None).await, words)
    }

    /// Takes every alarm back, as somebody does who has looked.
    pub(super) async fn disarm(&self) -> Result<()> {
        let mut client = self.client(0).await?;
        for (name, member) in held::alarms(&mut client).await? {
            let alarm = match name {
                "NOSPACE" => AlarmType::Nospace,
                _ => AlarmType::Corrupt,
            };
            let mut options = AlarmOptions::new();
            options.with_member(member);
            client
                .alarm(AlarmAction::Deactivate, alarm, Some(options))
                .await?;
        }
        self.ensure_alarms(&[]).await
    }

    /// Fails unless a user can log in who could, with the rights that it had and no others, and nobody else. Whether users have
    /// to is asked in this way, since 3.4 does not tell it (`AuthStatus`).
    pub(super) async fn ensure_guarded(&self, member: usize) -> Result<()> {
        let mut reader = self.client_as(member, Some(READER)).await?;
        let answer = reader.get("key-1", None).await?;
        ensure!(answer.kvs().len() == 1, "the reader finds nothing");
        refused(reader.get("txn-a", None).await, "permission denied")?;
        refused(reader.put("key-1", "x", None).await, "permission denied")?;
        let (user, password) = (READER.0, ROOT.1);
        let wrong = self.client_as(member, Some((user, password))).await;
        refused(wrong.map(drop), "invalid user ID or password")?;
        let certified = self.client_as(member, Some(("certified", password))).await;
        refused(certified.map(drop), "authentication failed")?;
        let mut nobody = self.client_as(member, None).await?;
        refused(nobody.get("key-1", None).await, "user name is empty")
    }

    /// Fails unless nothing of before this revision can be read or watched any more.
    pub(super) async fn ensure_compacted(&self, old: i64, revision: i64) -> Result<()> {
        let mut client = self.client(0).await?;
        let from = WatchOptions::new().with_start_revision(old);
        let mut watch = client.watch("key-1", Some(from)).await?;
        let answer = loop {
            let answer = watch.message().await?.context("the watch ended")?;
            if answer.canceled() {
                break answer;
            }
        };
        ensure!(
            answer.compact_revision() == revision,
            "a watch from {old} ended with {answer:?}"
        );
        let then = GetOptions::new().with_revision(old);
        refused(client.get("key-1", Some(then)).await, "has been compacted")
    }

    /// Fails unless the next write gets this revision.
    pub(super) async fn ensure_next(&self, revision: i64) -> Result<()> {
        let put = self.client(0).await?.put("key-1", "new", None).await?;
        let found = put.header().context("no header")?.revision();
        ensure!(
            found == revision,
            "the next revision is {found}, and should be {revision}"
        );
        Ok(())
    }
}

/// Fails unless the answer is an error with these words.
fn refused<T, E: Into<anyhow::Error>>(answer: Result<T, E>, words: &str) -> Result<()> {
    let error = answer
        .err()
        .map(Into::into)
        .with_context(|| format!("it is not refused ({words})"))?;
    let told = format!("{error:#}");
    ensure!(
        told.contains(words),
        "it is refused with {told}, and not with {words}"
    );
    Ok(())
}
