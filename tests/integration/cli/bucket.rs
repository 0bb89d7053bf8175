//! What is in a store, with no Kubernetes anywhere.

use anyhow::{Context, Result, ensure};
use harness::{
    etcd::{Etcd, Version},
    etcdutl,
    versitygw::Versitygw,
};
use serde_json::Value;
use tokio::process::Command;

use super::{done, failed, greeting, output, program, reach, save, text};

/// Two backups of one plan and one of another in a bucket.
struct World {
    etcd: Etcd,
    s3: Versitygw,
}

const STORE: &str = "s3://backups/etcd";

impl World {
    async fn start() -> Result<Self> {
        let etcd = Etcd::start(Version::V3_6).await?;
        let s3 = Versitygw::start().await?;
        s3.create_bucket("backups")?;
        let world = Self { etcd, s3 };
        for (plan, value) in [
            ("prod/main", "first"),
            ("prod/main", "second"),
            ("prod/other", "third"),
        ] {
            world.etcd.client().await?.put("greeting", value, None).await?;
            let mut command = save(&world.etcd, STORE)?;
            done(reach(&mut command, &world.s3).args(["--plan", plan])).await?;
        }
        Ok(world)
    }

    fn verb(&self, verb: &str, arguments: &[&str]) -> Result<Command> {
        let mut command = program()?;
        command.arg(verb).args(arguments);
        reach(&mut command, &self.s3);
        Ok(command)
    }

    async fn list(&self, arguments: &[&str]) -> Result<Value> {
        let mut command = self.verb("list", &[STORE, "-o", "json"])?;
        Ok(serde_json::from_str(&done(command.args(arguments)).await?)?)
    }
}

#[tokio::test]
async fn what_a_bucket_holds_is_listed_chosen_shown_and_fetched_without_kubernetes() -> Result<()> {
    let world = World::start().await?;
    let all = world.list(&[]).await?;
    assert_eq!(all["backups"].as_array().map(Vec::len), Some(3), "{all}");
    let main = world.list(&["--plan", "prod/main"]).await?;
    assert_eq!(main["backups"].as_array().map(Vec::len), Some(2), "{main}");
    let table = done(&mut world.verb("list", &[STORE])?).await?;
    ensure!(
        table.starts_with("PLAN") && table.lines().count() == 4 && table.contains("verified (Readback)"),
        "{table}"
    );

    let mut ambiguous = world.verb("show", &[STORE])?;
    let errors = failed(&mut ambiguous, 2).await?;
    ensure!(errors.contains("prod/main, prod/other"), "{errors}");
    let newest: Value = serde_json::from_str(
        &done(&mut world.verb("show", &[STORE, "--plan", "prod/main", "-o", "json"])?).await?,
    )?;
    assert_eq!(newest, main["backups"][1]["manifest"]);
    let described = done(&mut world.verb("show", &[STORE, "--plan", "prod/main"])?).await?;
    ensure!(
        described.contains(text(&newest, "/snapshot/sha256")?) && described.contains("on demand"),
        "{described}"
    );

    let folder = harness::scratch::folder("fetch")?;
    let file = folder.path().join("first.db");
    let first = text(&main, "/backups/0/url")?;
    let target = file.to_str().context("a path")?;
    let said = done(&mut world.verb("fetch", &[first, target])?).await?;
    ensure!(said.contains("are sound"), "{said}");
    assert_eq!(greeting(&file).await?, "first");
    let status = etcdutl::status(Version::V3_6, &file)?;
    assert_eq!(main["backups"][0]["manifest"]["snapshot"]["hash"], status.hash);
    let errors = failed(&mut world.verb("fetch", &[first, target])?, 5).await?;
    ensure!(errors.contains("exists and is not overwritten"), "{errors}");

    let value = done(&mut world.verb("inspect", &["get", first, "greeting"])?).await?;
    assert_eq!(value, "first");
    let second = text(&main, "/backups/1/url")?;
    let changes = done(&mut world.verb("diff", &[first, second, "-o", "simple"])?).await?;
    ensure!(changes.starts_with("changed, greeting, "), "{changes}");

    let taken = text(&main, "/backups/0/manifest/times/started")?;
    let mut before = world.verb("fetch", &[STORE, target, "--overwrite"])?;
    done(before.args(["--plan", "prod/main", "--before", taken])).await?;
    assert_eq!(greeting(&file).await?, "first");
    done(&mut world.verb("fetch", &[STORE, target, "--plan", "prod/main", "--overwrite"])?).await?;
    assert_eq!(greeting(&file).await?, "second");
    Ok(())
}

#[tokio::test]
async fn what_a_policy_would_remove_is_shown_with_the_reasons_and_nothing_goes() -> Result<()> {
    let world = World::start().await?;
    let dry_run = |policy: &'static [&'static str]| {
        let mut command = world.verb("retention", &[STORE, "--plan", "prod/main"])?;
        command.args(policy);
        Ok::<_, anyhow::Error>(command)
    };
    let table = done(&mut dry_run(&["--dry-run", "--keep-last", "1"])?).await?;
    let rows: Vec<_> = table.lines().collect();
    ensure!(
        rows.len() == 3 && rows[1].contains("newest verified, keepLast") && rows[2].contains("remove"),
        "{table}"
    );
    let data: Value =
        serde_json::from_str(&done(&mut dry_run(&["--dry-run", "--keep-last", "2", "-o", "json"])?).await?)?;
    assert_eq!(data["backups"][1]["verdict"], "keep", "{data}");
    let errors = output(&mut dry_run(&["--keep-last", "1"])?).await?;
    assert_eq!(errors.status.code(), Some(2));
    let refused = output(&mut dry_run(&["--dry-run", "--keep-last", "0"])?).await?;
    assert_eq!(refused.status.code(), Some(2));
    let errors = String::from_utf8(refused.stderr)?;
    ensure!(errors.contains("'0' for '--keep-last"), "{errors}");
    assert_eq!(
        world.list(&[]).await?["backups"].as_array().map(Vec::len),
        Some(3)
    );
    Ok(())
}

#[tokio::test]
async fn what_is_not_there_is_said_with_a_way_out() -> Result<()> {
    let world = World::start().await?;
    for (arguments, code, expected) in [
        (
            vec!["show", "s3://backups/nowhere"],
            6,
            "ends before the plan's namespace",
        ),
        (
            vec!["show", "s3://backups/etcd/prod/main"],
            6,
            "ends before the plan's namespace",
        ),
        (
            vec!["show", STORE, "--plan", "prod/none"],
            6,
            "holds no backup of prod/none",
        ),
        (vec!["show", "s3://no-such-bucket"], 5, "never creates a bucket"),
        (vec!["show", "backup.db"], 2, "snapshot status FILE"),
        (
            vec![
                "show",
                "s3://backups/etcd/prod/main/00000000000000aa/20261123T060000Z-abcdefgh",
            ],
            6,
            "holds no backup prod/main/00000000000000aa",
        ),
    ] {
        let errors = failed(&mut world.verb(arguments[0], &arguments[1..])?, code).await?;
        ensure!(errors.contains(expected), "{arguments:?}: {errors}");
    }
    let nothing = output(&mut world.verb("list", &["s3://backups/nowhere"])?).await?;
    let note = String::from_utf8_lossy(&nothing.stderr);
    ensure!(
        nothing.status.success() && note.contains("has the whole prefix"),
        "{note}"
    );
    let mut wrong = world.verb("list", &[STORE])?;
    let errors = failed(wrong.env("AWS_SECRET_ACCESS_KEY", "canary-wrong"), 5).await?;
    ensure!(
        errors.contains("AWS_SECRET_ACCESS_KEY") && !errors.contains("canary"),
        "{errors}"
    );
    Ok(())
}
