//! Sizes as etcdutl prints them.

/// Powers of 1000 with one decimal below 10, as github.com/dustin/go-humanize's `Bytes`, which etcdutl uses.
pub(crate) fn human(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 10 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    let mut scale = 1_u64;
    while bytes / scale >= 1000 {
        scale *= 1000;
        unit += 1;
    }
    // Rounded to tenths first, and then to ones where no decimal is shown.
    let tenths = (u128::from(bytes) * 10 + u128::from(scale) / 2) / u128::from(scale);
    if tenths < 100 {
        format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
    } else {
        // A half goes to the even neighbour, as in Go's `%.0f`.
        let (ones, rest) = (tenths / 10, tenths % 10);
        let up = rest > 5 || (rest == 5 && ones % 2 == 1);
        format!("{} {}", ones + u128::from(up), UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_printed_as_by_etcdutl() {
        for (bytes, text) in [
            (0, "0 B"),
            (9, "9 B"),
            (10, "10 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (20_480, "20 kB"),
            (21_500, "22 kB"),
            (36_864, "37 kB"),
            (2_551_808, "2.6 MB"),
            (2_560_000, "2.6 MB"),
            (9_940_000, "9.9 MB"),
            (9_960_000, "10 MB"),
            (82_854_982, "83 MB"),
            (2_147_483_648, "2.1 GB"),
            (u64::MAX, "18 EB"),
        ] {
            assert_eq!(human(bytes), text, "{bytes}");
        }
    }
}
