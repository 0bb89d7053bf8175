//! What a database is read from.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Bytes that can be read at any place without moving a cursor, so that many may read at once.
///
/// The bytes must not change while a database is read from them. If they do, whatever was read is checked like any other
/// bytes: there may be an error or a mixture of old and new, never a panic.
pub trait ReadAt {
    /// Fills `buf` from `offset` on. `UnexpectedEof` when there are too few bytes.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;

    /// How many bytes there are.
    fn size(&self) -> io::Result<u64>;

    /// Says that so many bytes from `offset` on were read for the last time by a pass that reads every page once
    /// ([`Bucket::walk_once`](super::Bucket::walk_once)). What is a copy for that pass alone may give them up; everything else does
    /// nothing.
    fn done(&self, offset: u64, length: u64) {
        let _ = (offset, length);
    }
}

impl ReadAt for File {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, buf, offset)
    }

    fn size(&self) -> io::Result<u64> {
        self.metadata().map(|metadata| metadata.len())
    }
}

impl ReadAt for [u8] {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let bytes = usize::try_from(offset)
            .ok()
            .and_then(|start| self.get(start..)?.get(..buf.len()))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buf.copy_from_slice(bytes);
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        u64::try_from(self.len()).map_err(io::Error::other)
    }
}

impl ReadAt for Vec<u8> {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.as_slice().read_exact_at(buf, offset)
    }

    fn size(&self) -> io::Result<u64> {
        self.as_slice().size()
    }
}

/// Passes all calls on to what a pointer points to.
macro_rules! through {
    ($($pointer:ty),*) => {$(
        impl<R: ReadAt + ?Sized> ReadAt for $pointer {
            fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
                (**self).read_exact_at(buf, offset)
            }

            fn size(&self) -> io::Result<u64> {
                (**self).size()
            }

            fn done(&self, offset: u64, length: u64) {
                (**self).done(offset, length);
            }
        }
    )*};
}

through!(&R, Box<R>, Arc<R>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_in_memory_end_where_they_end() {
        let bytes: &[u8] = &[1, 2, 3, 4];
        let mut two = [0; 2];
        bytes.read_exact_at(&mut two, 2).unwrap();
        assert_eq!(two, [3, 4]);
        for offset in [3, 4, 5, u64::MAX] {
            let error = bytes.read_exact_at(&mut two, offset).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "at {offset}");
        }
        assert_eq!(Box::new(bytes.to_vec()).size().unwrap(), 4);
    }
}
