//! Protobuf messages, field by field (protobuf.dev/programming-guides/encoding).

use etcd_backup_bolt::varint::Reader;

/// The value of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// Eight or four bytes, which nothing here needs.
    Fixed,
}

/// The fields of a message, in the order they were written. Borrows from the message and never looks beyond it. Groups,
/// which nothing here writes, count as malformed.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'a>(Reader<'a>);

/// What is malformed has no further fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

impl<'a> Fields<'a> {
    pub(crate) fn of(message: &'a [u8]) -> Self {
        Self(Reader(message))
    }

    fn read(&mut self) -> Option<(u64, Field<'a>)> {
        let tag = self.0.number()?;
        let field = match tag & 7 {
            0 => Field::Number(self.0.number()?),
            1 => self.0.bytes(8).map(|_| Field::Fixed)?,
            2 => {
                let length = self.0.size()?;
                Field::Bytes(self.0.bytes(length)?)
            }
            5 => self.0.bytes(4).map(|_| Field::Fixed)?,
            _ => return None,
        };
        Some((tag >> 3, field)).filter(|(number, _)| *number > 0)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Field<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.0.is_empty() {
            return None;
        }
        let field = self.read();
        if field.is_none() {
            self.0 = Reader(&[]);
        }
        Some(field.ok_or(Malformed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_field_is_read() {
        let message = [
            8, 0xac, 2, 0x12, 2, 7, 8, 0x19, 0, 0, 0, 0, 0, 0, 0, 0, 0x25, 0, 0, 0, 0,
        ];
        let fields: Result<Vec<_>, _> = Fields::of(&message).collect();
        assert_eq!(
            fields.unwrap(),
            [
                (1, Field::Number(300)),
                (2, Field::Bytes(&[7, 8])),
                (3, Field::Fixed),
                (4, Field::Fixed)
            ]
        );
    }

    #[test]
    fn what_is_cut_short_or_a_group_ends_the_message() {
        for message in [
            &[8][..],
            &[0x12, 5, 1],
            &[0x19, 0],
            &[0x25, 0],
            &[0x0b],
            &[0, 1],
            &[0xff; 20],
        ] {
            let mut fields = Fields::of(message);
            assert_eq!(fields.next(), Some(Err(Malformed)), "{message:?}");
            assert_eq!(fields.next(), None, "{message:?}");
        }
    }
}
