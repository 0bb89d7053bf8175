//! Words that come from the other side, made fit to be shown.

/// At most this much of a message is shown.
const SHOWN: usize = 200;

/// What etcd prefixes its own messages with (api/v3rpc/rpctypes/error.go). Anything else may be any server's, so it is not repeated:
/// an endpoint is chosen by whoever writes a plan, and an answer must not become a way to read what it points at.
const ETCDS: &[&str] = &["etcdserver: ", "auth: ", "mvcc: ", "raft: "];

/// The message of a status if it is etcd's own, without control characters and of bounded length.
pub(crate) fn etcd_message(message: &str) -> Option<String> {
    ETCDS
        .iter()
        .any(|prefix| message.starts_with(prefix))
        .then(|| shown(message))
}

/// Printable, bounded.
pub(crate) fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(SHOWN).collect()
}

/// An id as etcd writes it: lower-case hexadecimal, here always of 16 digits.
pub(crate) fn id(id: u64) -> String {
    format!("{id:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_etcds_own_messages_are_repeated_and_never_at_length() {
        assert_eq!(
            etcd_message("etcdserver: no leader").as_deref(),
            Some("etcdserver: no leader")
        );
        assert_eq!(etcd_message("<html>internal wiki</html>"), None);
        let long = format!("etcdserver: {}\r\n", "x".repeat(10_000));
        let kept = etcd_message(&long).unwrap();
        assert!(kept.len() <= SHOWN && !kept.contains('\n'));
    }
}
