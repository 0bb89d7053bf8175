//! Databases with changes that somebody may have made on purpose.

use etcd_backup_bolt::forge::{Random, seal_meta};

/// A few changes where the structure is: headers, directories, meta pages; whole pages copied elsewhere. The meta pages are
/// sealed again, or nothing but their checksum would be tested.
pub(crate) fn mutate(database: &mut Vec<u8>, random: &mut Random) {
    const PAGE: usize = 4096;
    let pages = database.len() / PAGE;
    for _ in 0..=random.below(6) {
        let page = random.below(pages) * PAGE;
        match random.below(6) {
            0 => database[page + random.below(16)] = random.number().to_le_bytes()[0],
            1 => database[page + 16 + random.below(160)] = random.number().to_le_bytes()[0],
            2 => {
                let at = random.below(database.len());
                database[at] ^= 1 << random.below(8);
            }
            3 => {
                let other = random.below(pages) * PAGE;
                database.copy_within(page..page + PAGE, other);
            }
            4 => {
                // As a sound page would be there.
                let number = (page / PAGE) as u64;
                database[page..page + 8].copy_from_slice(&number.to_le_bytes());
                let overflow = [0, 1, 2, 200][random.below(4)];
                database[page + 8..page + 16].copy_from_slice(&[
                    1 + random.below(2) as u8,
                    0,
                    4,
                    0,
                    overflow,
                    0,
                    0,
                    0,
                ]);
            }
            _ => {
                let at = random.below(2) * PAGE + 16 + random.below(56);
                database[at] = random.number().to_le_bytes()[0];
            }
        }
    }
    if random.below(8) == 0 {
        let length = random.below(database.len());
        database.truncate(length.max(2 * PAGE));
    }
    seal_meta(&mut database[..PAGE]);
    seal_meta(&mut database[PAGE..2 * PAGE]);
}
