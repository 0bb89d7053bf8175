use std::cell::Cell;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use etcd_backup_bolt::forge::{Forge, Pair, Random};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::*;
use crate::restore::cluster::InitialCluster;
use crate::restore::proto::Message;
use crate::restore::{Control, Progress, Request, Source, Target, restore};
use crate::revision::Revision;

thread_local! {
    pub(in crate::restore) static DISK: Cell<Disk> = const { Cell::new(Disk { free: None, short: None, holes: None }) };
}

/// What the disk is to say of itself, where it is not asked.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::restore) struct Disk {
    /// Bytes that are free when it is looked whether there is room.
    pub(in crate::restore) free: Option<u64>,
    /// Whether they are too few for both while a database is built.
    pub(in crate::restore) short: Option<bool>,
    /// Whether it makes holes.
    pub(in crate::restore) holes: Option<bool>,
}

/// Does something on such a disk.
fn on<T>(disk: Disk, act: impl FnOnce() -> T) -> T {
    DISK.set(disk);
    let done = act();
    DISK.set(Disk::default());
    done
}

fn disk(short: bool, holes: bool) -> Disk {
    Disk {
        short: Some(short),
        holes: Some(holes),
        ..Disk::default()
    }
}

/// A directory whose blocks can be counted: in memory where there is room, for XFS takes blocks behind the end of a file that
/// grows, and btrfs counts none before it has written them.
fn folder() -> TempDir {
    const NEEDED: u64 = 256 << 20;
    let memory = Path::new("/dev/shm");
    let roomy = File::open(memory).is_ok_and(|memory| space::free(memory).is_ok_and(|free| free > NEEDED));
    let folder = if roomy {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    folder.unwrap()
}

/// Bytes on the disk below a directory.
fn taken(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).unwrap();
    // A file may be gone before it is looked at.
    let entries =
        entries.filter_map(|entry| Some((entry.as_ref().ok()?.path(), entry.ok()?.metadata().ok()?)));
    entries
        .map(|(path, metadata)| {
            if metadata.is_dir() {
                taken(&path)
            } else {
                metadata.blocks() * 512
            }
        })
        .sum()
}

#[test]
fn what_was_read_is_given_back_where_there_is_no_room_for_both_and_never_read_again() {
    const BLOCKS: u64 = 4096;
    for (short, holes) in [(true, true), (true, false), (false, true)] {
        let folder = folder();
        let directory = Directory::resolve(folder.path()).unwrap();
        let mut random = Random::new(7);
        let bytes = random.bytes((BLOCKS * BLOCK) as usize);
        let mut spool = Spool::create(&directory, "spool").unwrap();
        spool.append(&bytes).unwrap();
        // Nodes of one block and more, in any order, with blocks between them that nobody reads.
        let mut nodes = Vec::new();
        let mut block = 0;
        while block < BLOCKS - 8 {
            let length = 1 + random.number() % 5;
            nodes.push((block * BLOCK, length * BLOCK));
            block += length + u64::from(random.below(3) == 0);
        }
        random.shuffle(&mut nodes);
        let before = taken(folder.path());
        let mut read = 0;
        on(disk(short, holes), || {
            for (offset, length) in nodes {
                let mut buf = vec![0; length as usize];
                spool.read_exact_at(&mut buf, offset).unwrap();
                assert!(buf == bytes[offset as usize..][..buf.len()], "{offset}");
                spool.done(offset, length);
                read += length;
                for (offset, length) in [(offset, BLOCK), (offset + length - 1, 1)] {
                    let again = spool
                        .read_exact_at(&mut buf[..length as usize], offset)
                        .unwrap_err();
                    assert!(again.to_string().contains("for the last time before"), "{again}");
                }
            }
        });
        assert_eq!(spool.size().unwrap(), bytes.len() as u64);
        let given = before - taken(folder.path());
        if short && holes {
            assert!(
                given > read - BETWEEN_LOOKS - 5 * BLOCK && given <= read,
                "{given} of {read}"
            );
        } else {
            assert_eq!(given, 0, "{short} {holes}");
        }
        // What nobody read is what it was.
        let kept = spool.read.borrow();
        let kept = (0..BLOCKS).filter(|block| kept.is_wanted(block * BLOCK, BLOCK as usize));
        for start in kept.map(|block| block * BLOCK) {
            let mut buf = vec![0; BLOCK as usize];
            spool.read_exact_at(&mut buf, start).unwrap();
            assert!(buf == bytes[start as usize..][..buf.len()], "{start}");
        }
    }
}

/// A snapshot with records of some hundred bytes, its pages in any order and some of them free.
fn snapshot(records: u64) -> Vec<u8> {
    let mut random = Random::new(11);
    let mut record = |number: u64| -> Pair {
        let revision = Revision {
            main: number.cast_signed() + 2,
            sub: 0,
        };
        let length = random.below(900);
        let value = random.bytes(length);
        let key = format!("key-{}", number % 1000);
        let value = Message::default()
            .bytes(1, key.as_bytes())
            .number(2, 2)
            .number(4, 1)
            .bytes(5, &value);
        (revision.to_bytes().to_vec(), value.finish())
    };
    let forge = Forge {
        page_size: BLOCK as usize,
        stale: 300,
        leaf_keys: 30,
        ..Forge::default()
    };
    let records = (0..records).map(&mut record).collect();
    let mut snapshot = forge.database(&[(b"key", records), (b"meta", Vec::new())]).bytes;
    let digest = Sha256::digest(&snapshot);
    snapshot.extend_from_slice(&digest);
    snapshot
}

/// A restore that gets these bytes but once. Gives the new database, and the most that it took on the disk until then.
fn restored(snapshot: &[u8], size: Option<u64>) -> Result<(Vec<u8>, u64), RestoreError> {
    let folder = folder();
    let target = Target {
        name: "m0".to_owned(),
        data_dir: folder.path().join("m0.etcd"),
        wal_dir: None,
    };
    let cluster = InitialCluster::parse("m0=http://10.0.0.1:2380").unwrap();
    let mut request = Request::new(cluster, vec![target], [7; 16]);
    request.expected.size = size;
    let most = std::sync::Mutex::new(0);
    let progress = |Progress { stage, .. }| {
        if stage == crate::restore::Stage::Building {
            let mut most = most.lock().unwrap();
            *most = taken(folder.path()).max(*most);
        }
    };
    let control = Control {
        progress: Some(&progress),
        ..Control::default()
    };
    let source = Source::Reader(Box::new(snapshot));
    let outcome = restore(source, &request, control);
    if outcome.is_err() {
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
    outcome?;
    let database = std::fs::read(folder.path().join("m0.etcd/member/snap/db")).unwrap();
    Ok((database, most.into_inner().unwrap()))
}

#[test]
fn a_disk_without_room_for_both_holds_little_more_than_one_copy_and_gets_the_same_database() {
    let snapshot = snapshot(80_000);
    let size = snapshot.len() as u64;
    assert!(size > 32 << 20, "{size}");
    let [short, none, roomy] = [(true, true), (true, false), (false, true)]
        .map(|(short, holes)| on(disk(short, holes), || restored(&snapshot, None).unwrap()));
    assert!(short.0 == none.0 && short.0 == roomy.0);
    assert!(short.1 * 5 < size * 6, "{} for {size}", short.1);
    // There is something to give back.
    for (_, most) in [none, roomy] {
        assert!(most * 5 > size * 7, "{most} for {size}");
    }
}

#[test]
fn room_for_both_is_asked_for_only_where_what_was_read_is_not_given_back() {
    let snapshot = snapshot(4000);
    let size = snapshot.len() as u64;
    let log = crate::restore::raft::LOG_SIZE;
    let on_disk = |free: u64, holes: bool, size: u64| {
        let disk = Disk {
            free: Some(free),
            holes: Some(holes),
            short: None,
        };
        on(disk, || restored(&snapshot, Some(size)))
    };
    on_disk(size + log, true, size).unwrap();
    on_disk(size + log, false, size).unwrap();
    // Larger than a log, so that two of it are more than one and a log.
    let large = 100 << 20;
    for (free, holes, needed) in [
        (large + log - 1, true, large + log),
        (large + log - 1, false, large + log),
        (large + log, false, 2 * large + (16 << 20)),
    ] {
        let error = on_disk(free, holes, large).unwrap_err();
        assert_eq!(error.reason(), "NotEnoughSpace", "{error}");
        assert!(
            error.to_string().ends_with(&format!("and {needed} are needed")),
            "{error}"
        );
    }
    // There is room: it is the wrong snapshot.
    for (free, holes) in [(large + log, true), (2 * large + (16 << 20), false)] {
        let error = on_disk(free, holes, large).unwrap_err();
        assert_eq!(error.reason(), "NotTheExpectedSnapshot", "{error}");
    }
}
