//! A database in which any byte is any other.

use etcd_backup_bolt::BoltError;

use crate::memory_reader::{Contents, read};

/// Changes every byte in several ways; each time `reader` must see what the reader in memory sees, or refuse as it does.
pub(crate) fn reads_as_in_memory(file: &[u8], reader: impl Fn(&[u8]) -> Result<Contents, BoltError>) {
    for at in 0..file.len() {
        for value in [file[at] ^ 1, file[at] ^ 0x80, 0, 0xff] {
            let mut damaged = file.to_vec();
            damaged[at] = value;
            let (found, expected) = (reader(&damaged), read(&damaged));
            assert_eq!(
                found.is_ok(),
                expected.is_ok(),
                "byte {at}: {found:?}, in memory {expected:?}"
            );
            if found.is_ok() {
                assert_eq!(found, expected, "byte {at}");
            }
        }
    }
}
