//! Files that hold a snapshot in another form.

use etcd_backup_bolt::walk::ReadAt;

/// What a file that is no plain snapshot is, told by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Container {
    /// Zstandard (RFC 8878): frames, or the skippable frames that may precede them.
    Zstd,
    /// gzip (RFC 1952).
    Gzip,
    /// xz.
    Xz,
    /// age, version 1, binary (`age-encryption.org/v1`).
    Age,
    /// age, version 1, as text.
    ArmoredAge,
    /// A tar archive.
    Tar,
}

impl Container {
    /// Bytes needed to tell: a tar archive says so behind its first file's name.
    pub(crate) const HEAD: usize = 262;

    /// Refuses a source that is packed. A database begins with the number of its first page, which is 0.
    pub(crate) fn refuse<R: ReadAt>(source: &R) -> Result<(), Self> {
        Self::of(source).map_or(Ok(()), Err)
    }

    /// Looks at the first bytes of a source.
    fn of<R: ReadAt>(source: &R) -> Option<Self> {
        let size = usize::try_from(source.size().ok()?).unwrap_or(usize::MAX);
        let mut head = vec![0; size.min(Self::HEAD)];
        source.read_exact_at(&mut head, 0).ok()?;
        Self::of_head(&head)
    }

    /// Looks at the first [`HEAD`](Self::HEAD) bytes.
    pub(crate) fn of_head(head: &[u8]) -> Option<Self> {
        match head {
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            _ if head.starts_with(b"age-encryption.org/") => Some(Self::Age),
            _ if head.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----") => Some(Self::ArmoredAge),
            _ if head.get(257..262) == Some(b"ustar") => Some(Self::Tar),
            _ => None,
        }
    }

    /// What it is, with an article.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zstd => "a Zstandard file",
            Self::Gzip => "a gzip file",
            Self::Xz => "an xz file",
            Self::Age => "a file encrypted with age",
            Self::ArmoredAge => "a text file encrypted with age",
            Self::Tar => "a tar archive",
        }
    }

    /// What to do with it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Zstd => "decompress it first, with `zstd -d`",
            Self::Gzip => "decompress it first, with `gunzip`",
            Self::Xz => "decompress it first, with `xz -d`",
            Self::Age | Self::ArmoredAge => {
                "decrypt it first, with `age -d -i KEY`; if it is compressed as well, decompress what comes out"
            }
            Self::Tar => "extract the snapshot first, with `tar -xf`",
        }
    }

    pub(crate) fn is_encrypted(self) -> bool {
        matches!(self, Self::Age | Self::ArmoredAge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_known_by_its_first_bytes() {
        let mut tar = vec![b'x'; 512];
        tar[257..262].copy_from_slice(b"ustar");
        for (head, expected) in [
            (&[0x28, 0xb5, 0x2f, 0xfd, 4][..], Some(Container::Zstd)),
            (&[0x5a, 0x2a, 0x4d, 0x18], Some(Container::Zstd)),
            (&[0x1f, 0x8b, 8], Some(Container::Gzip)),
            (b"\xfd7zXZ\0", Some(Container::Xz)),
            (b"age-encryption.org/v1\n-> X25519", Some(Container::Age)),
            (
                b"-----BEGIN AGE ENCRYPTED FILE-----\n",
                Some(Container::ArmoredAge),
            ),
            (&tar, Some(Container::Tar)),
            (&[0; 600], None),
            (b"", None),
            (&[0x28, 0xb5, 0x2f], None),
        ] {
            assert_eq!(Container::of(&head), expected, "{head:?}");
        }
    }
}
