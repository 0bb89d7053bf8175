//! Values encrypted at rest (`k8s.io/apiserver/pkg/server/options/encryptionconfig/config.go`).

const PREFIX: &[u8] = b"k8s:enc:";
/// Longest head that is looked at. Names of keys and plugins are short; what follows is ciphertext.
const LONGEST: usize = 1024;

/// The provider and the name of the key: `k8s:enc:aescbc:v1:<key>:`, likewise for aesgcm and secretbox, and
/// `k8s:enc:kms:v1|v2:<plugin>:`. `None` when the value does not start like that.
pub(super) fn parse(value: &[u8]) -> Option<(&str, Option<&str>)> {
    let rest = value.strip_prefix(PREFIX)?;
    let head = rest.get(..LONGEST).unwrap_or(rest);
    let mut parts = head.split_inclusive(|byte| *byte == b':').map(|part| {
        let (colon, name) = part.split_last()?;
        let name = std::str::from_utf8(name).ok()?;
        let plain = *colon == b':' && !name.is_empty() && !name.chars().any(char::is_control);
        plain.then_some(name)
    });
    let provider = parts.next()??;
    let _version = parts.next().flatten();
    Some((provider, parts.next().flatten()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provider_and_key_are_named() {
        let parsed = |value: &'static [u8]| parse(value);
        assert_eq!(
            parsed(b"k8s:enc:aescbc:v1:key1:\x00\x9f:"),
            Some(("aescbc", Some("key1")))
        );
        assert_eq!(
            parsed(b"k8s:enc:kms:v2:vault:\n\x02"),
            Some(("kms", Some("vault")))
        );
        assert_eq!(parsed(b"k8s:enc:secretbox:v1:"), Some(("secretbox", None)));
        assert_eq!(parsed(b"k8s:enc:aesgcm:v1:never ends"), Some(("aesgcm", None)));
    }

    #[test]
    fn what_only_looks_like_it_is_not() {
        for value in [
            &b"k8s:enc:"[..],
            b"k8s:enc::v1:",
            b"k8s:enc:\xff:v1:k:",
            b"k8s\0",
            b"",
            b"k8s:en",
        ] {
            assert_eq!(parse(value), None, "{value:?}");
        }
        let long = [b"k8s:enc:aescbc:v1:".to_vec(), vec![b'x'; 5000], b":".to_vec()].concat();
        assert_eq!(parse(&long), Some(("aescbc", None)));
    }
}
