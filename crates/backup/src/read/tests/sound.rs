use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use etcd_backup_store::{MemoryStore, ObjectMeta};

use super::{super::*, backup, read, zstd_request};
use crate::{
    layout::Form,
    manifest::{Compression, Level},
    testing::{Faulty, Lies, age_pair, down, fixture, request},
    write::WriteRequest,
};

#[tokio::test]
async fn a_backup_in_any_form_reads_back_as_what_etcd_gave() {
    let (recipients, identities) = age_pair();
    for form in Form::ALL {
        let request = WriteRequest {
            compression: if form.zstd {
                Compression::Zstd { level: 3 }
            } else {
                Compression::None
            },
            encryption: form.age.then(|| recipients.clone()),
            ..request()
        };
        let (store, manifest) = backup(request).await;
        let bytes = read(&store.arc(), &manifest, Some(&identities)).await.unwrap();
        assert!(bytes == fixture(), "{form:?}");
        let mut passed_on = Vec::new();
        let report = prove_snapshot(&store.arc(), &manifest, Some(&identities), |bytes| {
            passed_on.extend_from_slice(bytes);
            Ok(())
        })
        .await
        .unwrap();
        assert!(passed_on == fixture(), "{form:?}");
        assert_eq!(report.status.revision, manifest.revision);
        assert_eq!(
            prove(&store.arc(), &manifest, Level::Checksum).await.unwrap(),
            Level::Checksum
        );
        assert_eq!(
            prove(&store.arc(), &manifest, Level::Readback).await.unwrap(),
            Level::Readback
        );
    }
}

#[tokio::test]
async fn an_encrypted_backup_says_that_it_needs_an_identity_or_another_one() {
    let (recipients, _) = age_pair();
    let (_, others) = age_pair();
    let (store, manifest) = backup(WriteRequest {
        encryption: Some(recipients),
        ..zstd_request()
    })
    .await;
    assert!(matches!(
        read(&store.arc(), &manifest, None).await,
        Err(ReadError::IdentityNeeded)
    ));
    assert!(matches!(
        read(&store.arc(), &manifest, Some(&others)).await,
        Err(ReadError::WrongIdentity)
    ));
}

#[tokio::test]
async fn a_broken_connection_is_resumed_where_it_broke() {
    let (store, manifest) = backup(zstd_request()).await;
    let broken = Arc::new(AtomicUsize::new(0));
    let count = broken.clone();
    let store = store.with_lies(Lies::reading(move |_, bytes| {
        if count.fetch_add(1, Ordering::SeqCst) > 3 {
            vec![Ok(bytes)]
        } else {
            vec![Ok(bytes.slice(..bytes.len() / 3)), Err(down())]
        }
    }));
    assert!(read(&store.arc(), &manifest, None).await.unwrap() == fixture());
    assert_eq!(broken.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn a_connection_that_never_carries_a_byte_is_given_up() {
    let (store, manifest) = backup(zstd_request()).await;
    let store = store.with_lies(Lies::reading(|_, _| vec![Err(down())]));
    let error = read(&store.arc(), &manifest, None).await.unwrap_err();
    assert_eq!((error.reason(), error.is_transient()), ("Timeout", true));
}

#[tokio::test]
async fn without_an_entity_tag_a_read_is_not_spliced_from_two_answers() {
    let (store, manifest) = backup(zstd_request()).await;
    let lies = Lies::reading(|_, bytes| vec![Ok(bytes.slice(..10)), Err(down())]);
    let store = store.with_lies(lies.and_meta(|meta| ObjectMeta { etag: None, ..meta }));
    assert!(matches!(
        read(&store.arc(), &manifest, None).await,
        Err(ReadError::Store(_))
    ));
    assert_eq!(
        store
            .log()
            .iter()
            .filter(|(op, _)| *op == crate::testing::Op::Get)
            .count(),
        2,
        "one for the write, one for this"
    );
}

#[tokio::test]
async fn a_backup_whose_object_is_gone_says_so() {
    let (_, manifest) = backup(zstd_request()).await;
    let empty = Faulty::new(MemoryStore::new());
    assert_eq!(
        read(&empty.arc(), &manifest, None).await.unwrap_err().reason(),
        "NotFound"
    );
    let error = prove(&empty.arc(), &manifest, Level::Checksum).await.unwrap_err();
    assert!(matches!(error, ProofError::Missing) && error.is_damage());
}

#[test]
fn identities_are_read_as_age_keygen_writes_them_and_never_shown() {
    let (_, identities) = age_pair();
    assert_eq!(format!("{identities:?}"), "Identities(1 hidden)");
    assert_eq!(
        Identities::parse("# created: today\n\n").unwrap_err(),
        IdentityError::Empty
    );
    assert_eq!(
        Identities::parse("# c\nAGE-SECRET-KEY-1NOT").unwrap_err(),
        IdentityError::NotAKey(2)
    );
    for encrypted in [
        "age-encryption.org/v1\n-> scrypt x 18\n",
        "-----BEGIN AGE ENCRYPTED FILE-----\r\n",
    ] {
        assert_eq!(
            Identities::parse(encrypted).unwrap_err(),
            IdentityError::Encrypted
        );
    }
}

/// As Windows' editors save it.
#[test]
fn a_mark_at_the_beginning_and_carriage_returns_are_no_part_of_a_key() {
    use age::secrecy::ExposeSecret;
    let key = age::x25519::Identity::generate();
    let text = format!(
        "\u{feff}# created: today\r\n{}\r\n",
        key.to_string().expose_secret()
    );
    assert!(Identities::parse(&text).is_ok());
}

#[tokio::test]
async fn a_reader_that_cannot_take_the_bytes_ends_the_proof_and_is_no_damage() {
    let (store, manifest) = backup(zstd_request()).await;
    let full = |_: &[u8]| Err(std::io::ErrorKind::StorageFull.into());
    let error = prove_snapshot(&store.arc(), &manifest, None, full)
        .await
        .unwrap_err();
    assert!(matches!(error, ProofError::Deliver(_)), "{error}");
    assert!(!error.is_damage());
}
