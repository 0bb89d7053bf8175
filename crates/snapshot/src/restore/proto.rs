//! The little of protobuf that small messages need.

use etcd_backup_bolt::varint as wire;

use crate::fields::{self, Field};

/// A message under construction.
#[derive(Debug, Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    pub(super) fn number(mut self, field: u64, number: u64) -> Self {
        wire::write(&mut self.0, field << 3);
        wire::write(&mut self.0, number);
        self
    }

    pub(super) fn bytes(mut self, field: u64, bytes: &[u8]) -> Self {
        wire::write(&mut self.0, field << 3 | 2);
        wire::write(&mut self.0, u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// A message's fields in their order.
pub(super) struct Fields<'a>(Vec<(u64, Field<'a>)>);

impl<'a> Fields<'a> {
    /// All of them. What has fields of four or eight bytes is no message that is written here.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let fields: Result<Vec<_>, _> = fields::Fields::of(bytes).collect();
        let fields = fields.ok()?;
        let fixed = fields.iter().any(|(_, field)| *field == Field::Fixed);
        (!fixed).then_some(Self(fields))
    }

    /// The last number of that field; 0 if there is none.
    pub(super) fn number(&self, field: u64) -> u64 {
        self.numbers(field).last().copied().unwrap_or(0)
    }

    pub(super) fn numbers(&self, field: u64) -> Vec<u64> {
        let numbers = self.0.iter().filter(|(number, _)| *number == field);
        numbers
            .filter_map(|(_, value)| match value {
                Field::Number(number) => Some(*number),
                _ => None,
            })
            .collect()
    }

    /// The last bytes of that field; none if there are none.
    pub(super) fn bytes(&self, field: u64) -> &'a [u8] {
        let fields = self.0.iter().rev().filter(|(number, _)| *number == field);
        let mut bytes = fields.filter_map(|(_, value)| match value {
            Field::Bytes(bytes) => Some(*bytes),
            _ => None,
        });
        bytes.next().unwrap_or_default()
    }
}
