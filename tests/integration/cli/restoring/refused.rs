//! What is no snapshot, or cannot be restored as asked.

use std::{fs, process::Stdio};

use anyhow::{Context, Result, ensure};

use super::{
    super::{failed, program},
    World,
};

#[tokio::test]
async fn what_cannot_be_restored_ends_with_the_code_and_the_way_out_that_the_help_names() -> Result<()> {
    let world = World::new("3.7.1")?;
    let snapshot = fs::read(&world.snapshot)?;
    let database = world.file("db", &snapshot[..snapshot.len() - 32])?;
    let cut = world.file("cut.db", &snapshot[..snapshot.len() / 2])?;
    let zstd = world.file(
        "snapshot.db.zst",
        &[&b"\x28\xb5\x2f\xfd"[..], &snapshot[..9000]].concat(),
    )?;
    let age = world.file(
        "snapshot.db.age",
        &[&b"age-encryption.org/v1\n"[..], &snapshot[..9000]].concat(),
    )?;
    let full = world.path("full");
    fs::create_dir_all(full.join("member"))?;
    let folder = world.folder.path();
    let inside = world.path("new/wal").display().to_string();
    for (source, flags, code, words) in [
        (
            &*world.snapshot,
            &["--target-version", "3.6"][..],
            2,
            "etcd 3.6 cannot read",
        ),
        (&world.snapshot, &["--revision", "1"], 2, "from 60 to 154"),
        (
            &world.snapshot,
            &["--bump-revision", "18446744073709551615"],
            2,
            "cannot be raised",
        ),
        (
            &world.snapshot,
            &["--bump-revision", "9223372036854775000"],
            2,
            "half of all revisions",
        ),
        (&world.snapshot, &["--name", "other"], 2, "--name and --member"),
        (&world.snapshot, &["--wal-dir", &inside], 2, "move `member/wal`"),
        (&zstd, &[], 2, "zstd -d"),
        (&age, &[], 2, "age -d -i KEY"),
        (folder, &[], 2, "file:///"),
        (&database, &[], 4, "--skip-hash-check"),
        (&cut, &[], 4, "truncated"),
        (&world.path("missing"), &[], 5, "No such file"),
    ] {
        let said = failed(&mut world.restore(source, "new", flags)?, code).await;
        let said = said.with_context(|| format!("{} {flags:?}", source.display()))?;
        ensure!(said.contains(words), "{}: {said}", source.display());
        ensure!(!world.path("new").exists(), "{}", source.display());
    }
    let said = failed(&mut world.restore(&world.snapshot, "full", &[])?, 5).await?;
    ensure!(said.contains("--replace"), "{said}");
    ensure!(!full.join("member/snap").exists());

    let mut status = program()?;
    status.args(["snapshot", "status"]).arg(&database);
    let said = failed(&mut status, 4).await?;
    ensure!(said.contains("restore --skip-hash-check"), "{said}");
    let told = world.told(&database, "raw", &["--skip-hash-check"]).await?;
    ensure!(told["warnings"].to_string().contains("was not checked"), "{told}");
    ensure!(world.path("raw/member/snap/db").exists());
    Ok(())
}

#[tokio::test]
async fn packed_files_and_directories_are_named_whatever_verb_is_given_them() -> Result<()> {
    let world = World::new("3.6.14")?;
    let zstd = world.file(
        "snapshot.db.zst",
        &[&b"\x28\xb5\x2f\xfd"[..], &[7; 9000]].concat(),
    )?;
    for verb in [&["verify"][..], &["snapshot", "status"], &["inspect", "summary"]] {
        let said = failed(program()?.args(verb).arg(&zstd), 2).await?;
        ensure!(
            said.contains("zstd -d") && said.contains("file:///"),
            "{verb:?}: {said}"
        );
        let said = failed(program()?.args(verb).arg(world.folder.path()), 2).await?;
        let store = format!("file://{}", world.folder.path().display());
        ensure!(said.contains(&store), "{verb:?}: {said}");
    }
    for verb in [&["verify"][..], &["snapshot", "status"]] {
        let mut command = program()?;
        command
            .args(verb)
            .arg("-")
            .stdin(Stdio::from(fs::File::open(&zstd)?));
        let said = failed(&mut command, 2).await?;
        ensure!(said.contains("zstd -d"), "{verb:?}: {said}");
    }
    Ok(())
}
