//! What the disk made of what was written is looked at before anything is put in place.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use etcd_backup_snapshot::restore::{Control, Step, Steps, Stopped};

use crate::support::{Scratch, fixture, restore_with};

const DATABASE: &str = "member/snap/db";
const LOG: &str = "member/wal/0000000000000000-0000000000000000.wal";
const RAFT_SNAPSHOT: &str = "member/snap/0000000000000001-0000000000000001.snap";

/// What happens to a file between writing and looking.
#[derive(Debug, Clone, Copy)]
enum Damage {
    /// The first byte from here on that is not zero becomes another.
    Byte(u64),
    /// It ends here.
    Cut(u64),
}

/// Damages one file of the member when everything is written.
struct Spoil<'a> {
    scratch: &'a Scratch,
    file: &'a str,
    damage: Damage,
}

impl Spoil<'_> {
    fn path(&self) -> PathBuf {
        let names = self.scratch.names();
        let staging = names.iter().find(|name| name.contains(".restoring-")).unwrap();
        self.scratch.path(staging).join(self.file)
    }
}

impl Steps for Spoil<'_> {
    fn reached(&self, step: Step) -> Result<(), Stopped> {
        if step != Step::MemberWritten(0) {
            return Ok(());
        }
        let file = File::options().read(true).write(true).open(self.path()).unwrap();
        match self.damage {
            Damage::Cut(length) => file.set_len(length).unwrap(),
            Damage::Byte(from) => {
                let mut byte = [0];
                let mut at = from;
                while byte == [0] {
                    file.read_exact_at(&mut byte, at).unwrap();
                    at += 1;
                }
                file.write_all_at(&[byte[0] ^ 0x40], at - 1).unwrap();
            }
        }
        Ok(())
    }
}

#[test]
fn what_does_not_read_back_as_it_was_written_is_not_put_in_place() {
    let snapshot = fixture("3.6.14").snapshot;
    let of_the_database = (2..20).map(|page| (DATABASE, Damage::Byte(page * 4096 + 8)));
    let others = [
        (DATABASE, Damage::Cut(3 * 4096)),
        (DATABASE, Damage::Cut(0)),
        (LOG, Damage::Byte(16)),
        (LOG, Damage::Byte(100)),
        (LOG, Damage::Cut(63_999_999)),
        (LOG, Damage::Cut(100)),
        (RAFT_SNAPSHOT, Damage::Byte(0)),
        (RAFT_SNAPSHOT, Damage::Byte(200)),
        (RAFT_SNAPSHOT, Damage::Cut(20)),
    ];
    for (file, damage) in of_the_database.chain(others) {
        let scratch = Scratch::new();
        let spoil = Spoil {
            scratch: &scratch,
            file,
            damage,
        };
        let control = Control {
            steps: Some(&spoil),
            ..Control::default()
        };
        let error = restore_with(&snapshot, &scratch.request(1), control).unwrap_err();
        assert_eq!(error.reason(), "CheckFailed", "{file}, {damage:?}: {error}");
        assert!(
            scratch.names().is_empty(),
            "{file}, {damage:?}: {:?}",
            scratch.names()
        );
    }
}
