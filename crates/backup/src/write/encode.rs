//! Compression, then encryption, then parts.

use std::io::{self, Write};

use age::{Encryptor, stream::StreamWriter};

use super::{
    Recipients,
    part::{PartWriter, Sent},
};
use crate::manifest::Compression;

/// A writer whose every layer is finished explicitly, innermost last: a layer that is merely dropped loses its tail.
pub(super) enum Encoder {
    Plain(Box<Sealer>),
    Zstd(Box<zstd::Encoder<'static, Sealer>>),
}

pub(super) enum Sealer {
    Plain(Box<PartWriter>),
    Age(Box<StreamWriter<PartWriter>>),
}

impl Encoder {
    /// `size` is that of all that will be written, if it is known; what is written must then be exactly as long.
    pub(super) fn new(
        parts: PartWriter,
        compression: Compression,
        recipients: Option<&Recipients>,
        size: Option<u64>,
    ) -> io::Result<Self> {
        let sealer = match recipients {
            None => Sealer::Plain(Box::new(parts)),
            Some(recipients) => {
                let encryptor = Encryptor::with_recipients(recipients.keys()).map_err(io::Error::other)?;
                Sealer::Age(Box::new(encryptor.wrap_output(parts)?))
            }
        };
        match compression {
            Compression::None => Ok(Self::Plain(Box::new(sealer))),
            Compression::Zstd { level } => {
                let mut encoder = zstd::Encoder::new(sealer, level)?;
                encoder.include_checksum(true)?;
                encoder.include_contentsize(true)?;
                encoder.set_pledged_src_size(size)?;
                Ok(Self::Zstd(Box::new(encoder)))
            }
        }
    }

    pub(super) fn finish(self) -> io::Result<Sent> {
        let sealer = match self {
            Self::Plain(sealer) => *sealer,
            Self::Zstd(encoder) => encoder.finish()?,
        };
        let parts = match sealer {
            Sealer::Plain(parts) => *parts,
            Sealer::Age(writer) => writer.finish()?,
        };
        parts.finish()
    }
}

impl Write for Encoder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(sealer) => sealer.write(bytes),
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for Sealer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(parts) => parts.write(bytes),
            Self::Age(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
