use std::{fs, io::Read, path::PathBuf, sync::OnceLock};

use bytes::Bytes;
use flate2::read::GzDecoder;

/// A snapshot that a real etcd gave, by the server's version.
pub(crate) struct Fixture {
    pub(crate) version: String,
    pub(crate) snapshot: Bytes,
}

/// All of them, oldest version first.
pub(crate) fn fixtures() -> &'static [Fixture] {
    static ALL: OnceLock<Vec<Fixture>> = OnceLock::new();
    ALL.get_or_init(|| {
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/etcd"));
        let mut all: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .map(|path| {
                let mut snapshot = Vec::new();
                GzDecoder::new(fs::File::open(path.join("snapshot.db.gz")).unwrap())
                    .read_to_end(&mut snapshot)
                    .unwrap();
                Fixture {
                    version: path.file_name().unwrap().to_string_lossy().into_owned(),
                    snapshot: snapshot.into(),
                }
            })
            .collect();
        all.sort_by(|a, b| a.version.cmp(&b.version));
        assert_eq!(all.len(), 5);
        all
    })
}

/// The bytes of 3.6.14's.
pub(crate) fn fixture() -> Bytes {
    fixtures()
        .iter()
        .find(|fixture| fixture.version == "3.6.14")
        .unwrap()
        .snapshot
        .clone()
}
