//! The little of protobuf that small messages need.

use etcd_backup_bolt::varint as wire;

use crate::record::{delimited, varint};

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
pub(super) struct Fields<'a>(Vec<(u64, Value<'a>)>);

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Fields<'a> {
    pub(super) fn parse(mut bytes: &'a [u8]) -> Option<Self> {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let tag = varint(&mut bytes)?;
            let value = match tag & 7 {
                0 => Value::Number(varint(&mut bytes)?),
                2 => Value::Bytes(delimited(&mut bytes)?),
                _ => return None,
            };
            if tag >> 3 == 0 {
                return None;
            }
            fields.push((tag >> 3, value));
        }
        Some(Self(fields))
    }

    /// The last number of that field; 0 if there is none.
    pub(super) fn number(&self, field: u64) -> u64 {
        self.numbers(field).last().copied().unwrap_or(0)
    }

    pub(super) fn numbers(&self, field: u64) -> Vec<u64> {
        let numbers = self.0.iter().filter(|(number, _)| *number == field);
        numbers
            .filter_map(|(_, value)| match value {
                Value::Number(number) => Some(*number),
                Value::Bytes(_) => None,
            })
            .collect()
    }

    /// The last bytes of that field; none if there are none.
    pub(super) fn bytes(&self, field: u64) -> &'a [u8] {
        let fields = self.0.iter().rev().filter(|(number, _)| *number == field);
        let mut bytes = fields.filter_map(|(_, value)| match value {
            Value::Bytes(bytes) => Some(*bytes),
            Value::Number(_) => None,
        });
        bytes.next().unwrap_or_default()
    }
}
