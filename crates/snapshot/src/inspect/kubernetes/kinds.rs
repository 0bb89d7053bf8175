//! Kinds of values by a small number, so that a million keys do not hold a million copies of "Pod".

use std::collections::HashMap;

use super::ValueKind;

/// The number of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::inspect) struct KindId(u16);

/// The kinds met so far. A snapshot has some hundred at most; those beyond [`Kinds::MOST`], or with names longer than
/// [`Kinds::LONGEST`], are kept without their names, so memory is bounded.
#[derive(Debug, Default)]
pub(in crate::inspect) struct Kinds {
    ids: HashMap<ValueKind, KindId>,
    kinds: Vec<ValueKind>,
}

impl Kinds {
    const MOST: usize = 4096;
    const LONGEST: usize = 256;

    /// The number of the kind that a value is of.
    pub(in crate::inspect) fn id(&mut self, value: &[u8]) -> KindId {
        let mut kind = ValueKind::of(value);
        if let Some(id) = self.ids.get(&kind) {
            return *id;
        }
        if self.kinds.len() >= Self::MOST || kind.names_length() > Self::LONGEST {
            kind = kind.nameless();
            if let Some(id) = self.ids.get(&kind) {
                return *id;
            }
        }
        let id = KindId(u16::try_from(self.kinds.len()).unwrap_or(u16::MAX));
        self.ids.insert(kind.clone(), id);
        self.kinds.push(kind);
        id
    }

    /// The kind with a number.
    pub(in crate::inspect) fn kind(&self, id: KindId) -> ValueKind {
        let kind = self.kinds.get(usize::from(id.0));
        kind.cloned().unwrap_or(ValueKind::Other)
    }
}

impl ValueKind {
    fn names_length(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        match self {
            Self::Protobuf { api_version, kind } => api_version.len().saturating_add(kind.len()),
            Self::Json { api_version, kind } => length(api_version).saturating_add(length(kind)),
            Self::Encrypted { provider, key_name } => provider.len().saturating_add(length(key_name)),
            Self::Empty | Self::Cbor | Self::Other => 0,
        }
    }

    /// The same without names.
    fn nameless(&self) -> Self {
        match self {
            Self::Protobuf { .. } => Self::Protobuf {
                api_version: String::new(),
                kind: String::new(),
            },
            Self::Json { .. } => Self::Json {
                api_version: None,
                kind: None,
            },
            Self::Encrypted { .. } => Self::Encrypted {
                provider: String::new(),
                key_name: None,
            },
            Self::Empty | Self::Cbor | Self::Other => self.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encrypted(name: &str) -> Vec<u8> {
        format!("k8s:enc:aescbc:v1:{name}:").into_bytes()
    }

    #[test]
    fn a_kind_keeps_its_number() {
        let mut kinds = Kinds::default();
        let (first, second) = (kinds.id(&encrypted("a")), kinds.id(b"x"));
        assert_ne!(first, second);
        assert_eq!(kinds.id(&encrypted("a")), first);
        assert_eq!(kinds.kind(first), ValueKind::of(&encrypted("a")));
        assert_eq!(kinds.kind(second), ValueKind::Other);
    }

    #[test]
    fn a_file_full_of_made_up_kinds_is_not_kept() {
        let mut kinds = Kinds::default();
        for number in 0..10_000 {
            kinds.id(&encrypted(&number.to_string()));
        }
        kinds.id(&encrypted(&"x".repeat(900)));
        assert!(kinds.kinds.len() <= Kinds::MOST + 3, "{}", kinds.kinds.len());
        let beyond = kinds.id(&encrypted("9999"));
        assert_eq!(kinds.kind(beyond), ValueKind::of(&encrypted("9999")).nameless());
    }
}
