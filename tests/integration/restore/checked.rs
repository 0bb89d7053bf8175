//! What bbolt itself says of the databases that we write.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
};

use anyhow::{Context, Result, ensure};
use etcd_backup_snapshot::restore::{Control, Request, Source, Target, cluster::InitialCluster, restore};
use harness::{bbolt, scratch};

use crate::fixtures::{folders, unpack};

#[test]
fn bbolt_finds_nothing_wrong_with_any_database_that_was_restored() -> Result<()> {
    let initial = [0, 1, 2].map(|member| format!("m{member}=http://127.0.0.1:238{member}"));
    for fixture in folders()? {
        let folder = scratch::folder("checked")?;
        let snapshot = folder.path().join("snapshot.db");
        unpack(&fixture, &snapshot)?;
        for (members, bump) in [(1, 0), (1, 1_000_000_000), (3, 0), (3, 1_000_000_000)] {
            let targets = (0..members).map(|member| Target {
                name: format!("m{member}"),
                data_dir: folder.path().join(format!("{members}-{bump}-m{member}")),
                wal_dir: None,
            });
            let cluster = InitialCluster::parse(&initial[..members].join(","))?;
            let mut request = Request::new(cluster, targets.collect(), [3; 16]);
            request.bump_revision = bump;
            let restored = restore(Source::File(File::open(&snapshot)?), &request, Control::default())?;
            ensure!(restored.members.len() == members, "{restored:?}");
            for member in restored.members {
                bbolt::check(&member.data_dir.join("member/snap/db"))
                    .with_context(|| format!("{}, member {}", fixture.display(), member.name))?;
            }
        }
    }
    Ok(())
}

#[test]
fn bbolt_would_say_so() -> Result<()> {
    let folder = scratch::folder("checked")?;
    let snapshot = folder.path().join("snapshot.db");
    unpack(folders()?.first().context("find a fixture")?, &snapshot)?;
    bbolt::check(&snapshot)?;
    // All pages but bbolt's two meta pages, of 4 KiB here.
    let length = fs::metadata(&snapshot)?.len();
    let file = File::options().write(true).open(&snapshot)?;
    file.write_all_at(&vec![0; usize::try_from(length)? - 8192], 8192)?;
    ensure!(bbolt::check(&snapshot).is_err());
    Ok(())
}
