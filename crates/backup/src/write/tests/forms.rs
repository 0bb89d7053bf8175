//! What is stored can be read without us.

use std::{io::Read, sync::Arc};

use bytes::Bytes;
use etcd_backup_snapshot::verify_reader;
use etcd_backup_store::{GetRange, LocalStore, Store};
use sha2::Digest;

use super::{claimed, nothing_is_left, plan};
use crate::{
    catalogue::{list, remove},
    layout::Form,
    manifest::{Compression, Level, Manifest, Sha256},
    owner::claim,
    read::prove_snapshot,
    testing::{age_pair, control, fixture, fixtures, live_now, owner, request, source, source_of},
    write::{WriteRequest, write},
};

/// Every form: the request for it, and a private key where one is needed.
fn in_form(form: Form) -> (WriteRequest, Option<age::x25519::Identity>) {
    let key = form.age.then(age::x25519::Identity::generate);
    let public = key.as_ref().map(|key| [key.to_public().to_string()]);
    let request = WriteRequest {
        compression: if form.zstd {
            Compression::Zstd { level: 1 }
        } else {
            Compression::None
        },
        encryption: public.map(|public| crate::write::Recipients::parse(&public).unwrap()),
        ..request()
    };
    (request, key)
}

/// Decodes with the plain libraries, as a person would with `age -d` and `zstd -d`.
fn decode(stored: &[u8], form: Form, key: Option<&age::x25519::Identity>) -> Vec<u8> {
    let mut bytes = stored.to_vec();
    if let Some(key) = key {
        let decryptor = age::Decryptor::new(stored).unwrap();
        bytes.clear();
        decryptor
            .decrypt(std::iter::once(key as &dyn age::Identity))
            .unwrap()
            .read_to_end(&mut bytes)
            .unwrap();
    }
    if form.zstd {
        zstd::decode_all(&bytes[..]).unwrap()
    } else {
        bytes
    }
}

async fn object(store: &dyn Store, manifest: &Manifest) -> Bytes {
    let key = manifest.location().unwrap().snapshot_key(manifest.object.form());
    store
        .get(&key, GetRange::all())
        .await
        .unwrap()
        .bytes(1 << 30)
        .await
        .unwrap()
}

#[tokio::test]
async fn every_snapshot_in_every_form_is_decoded_by_plain_tools_to_the_bytes_that_etcd_gave() {
    for fixture in fixtures() {
        for form in Form::ALL {
            let store = claimed().await;
            let (mut request, key) = in_form(form);
            request.source.size = Some(fixture.snapshot.len() as u64);
            request.source.version.clone_from(&fixture.version);
            let manifest = write(source_of(&fixture.snapshot), store.arc(), request, control())
                .await
                .unwrap();
            let stored = object(&store.inner, &manifest).await;
            let plain = decode(&stored, form, key.as_ref());
            assert!(plain == fixture.snapshot, "{} {form:?}", fixture.version);

            let report = verify_reader(&plain[..]).unwrap();
            assert_eq!(manifest.revision, report.status.revision);
            assert_eq!(manifest.snapshot.hash, report.status.hash);
            assert_eq!(
                manifest.snapshot.sha256,
                Sha256(sha2::Sha256::digest(&plain).into())
            );
            assert_eq!(
                manifest.object.sha256,
                Sha256(sha2::Sha256::digest(&stored).into())
            );
            assert_eq!(
                manifest.object.crc64nvme.0,
                etcd_backup_store::checksum::crc64nvme(&stored)
            );
            assert_eq!(manifest.object.size, stored.len() as u64);
            assert_eq!(manifest.object.file, form.file_name());
            assert_eq!(manifest.verification.level, Level::Readback);
            let catalogue = list(&store.inner, &plan()).await.unwrap();
            assert_eq!(catalogue.backups.len(), 1);
            assert_eq!(catalogue.backups[0].manifest, manifest);
        }
    }
}

#[tokio::test]
async fn a_zstd_frame_carries_its_checksum_and_its_content_size() {
    let store = claimed().await;
    let (request, _) = in_form(Form {
        zstd: true,
        age: false,
    });
    let manifest = write(source_of(&fixture()), store.arc(), request, control())
        .await
        .unwrap();
    let stored = object(&store.inner, &manifest).await;
    assert_eq!(
        zstd::zstd_safe::get_frame_content_size(&stored).unwrap(),
        Some(fixture().len() as u64)
    );
    // RFC 8878, 3.1.1.1.1: bit 2 of the frame header descriptor says that a checksum follows the content.
    assert_eq!(stored[4] & 0b100, 0b100);
    let mut flipped = stored.to_vec();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    assert!(zstd::decode_all(&flipped[..]).is_err());
}

#[tokio::test]
async fn a_snapshot_of_unknown_size_is_stored_all_the_same() {
    for form in Form::ALL {
        let store = claimed().await;
        let (mut request, key) = in_form(form);
        request.source.size = None;
        let manifest = write(source_of(&fixture()), store.arc(), request, control())
            .await
            .unwrap();
        assert!(decode(&object(&store.inner, &manifest).await, form, key.as_ref()) == fixture());
    }
}

#[tokio::test]
async fn how_the_source_cuts_its_bytes_does_not_matter() {
    let bytes = fixture();
    for chunk in [1 << 10, 4_097, 100_003, 10 << 20] {
        let store = claimed().await;
        let manifest = write(source(&bytes, chunk), store.arc(), request(), control())
            .await
            .unwrap();
        assert!(
            object(&store.inner, &manifest).await == bytes,
            "chunks of {chunk}"
        );
    }
}

#[tokio::test]
async fn a_manifest_says_who_what_when_and_how() {
    let store = claimed().await;
    let (recipients, identities) = age_pair();
    let scheduled = live_now() - chrono::TimeDelta::minutes(3);
    let request = WriteRequest {
        encryption: Some(recipients.clone()),
        scheduled: Some(scheduled),
        ..request()
    };
    let manifest = write(source_of(&fixture()), store.arc(), request.clone(), control())
        .await
        .unwrap();
    assert_eq!(manifest.run_id, request.run);
    assert_eq!(manifest.times.scheduled, Some(scheduled));
    assert_eq!(manifest.times.started, request.started);
    assert!(manifest.times.finished >= manifest.times.started);
    assert_eq!((manifest.revision, manifest.compact_revision), (154, 60));
    // What etcdutl and the live member said of the very same snapshot: see the fixture's folder.
    assert_eq!(manifest.snapshot.hash, 635_300_773);
    assert_eq!(manifest.snapshot.total_keys, 113);
    assert_eq!(
        manifest
            .snapshot
            .hash_kv
            .map(|kv| (kv.hash, kv.revision, kv.compact_revision)),
        Some((105_161_575, 154, 60))
    );
    assert_eq!(manifest.etcd.storage_version.as_deref(), Some("3.6.0"));
    assert_eq!(
        manifest.object.encryption,
        Some(crate::manifest::Encryption::Age {
            recipients: recipients.to_strings()
        })
    );
    prove_snapshot(&store.arc(), &manifest, Some(&identities), |_| Ok(()))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_directory_is_as_good_a_store_as_any() {
    let directory = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(LocalStore::new(directory.path()).unwrap());
    claim(&*store, &plan(), &owner(), live_now()).await.unwrap();
    let manifest = write(source_of(&fixture()), store.clone(), request(), control())
        .await
        .unwrap();
    prove_snapshot(&store, &manifest, None, |_| Ok(())).await.unwrap();
    let catalogue = list(&*store, &plan()).await.unwrap();
    remove(&*store, &catalogue.backups[0], &|| Ok(()), async { Ok(()) })
        .await
        .unwrap();
    assert_eq!(
        list(&*store, &plan()).await.unwrap(),
        crate::catalogue::Catalogue::default()
    );
}

#[tokio::test]
async fn a_request_that_could_only_fail_later_is_refused_before_anything_is_done() {
    let store = claimed().await;
    let before = store.operations();
    for wrong in [
        WriteRequest {
            compression: Compression::Zstd { level: 22 },
            ..request()
        },
        WriteRequest {
            started: request().started - chrono::TimeDelta::minutes(1),
            ..request()
        },
    ] {
        let error = write(source_of(&fixture()), store.arc(), wrong, control())
            .await
            .unwrap_err();
        assert_eq!((error.reason(), error.is_transient()), ("InvalidRequest", false));
    }
    assert_eq!(store.operations(), before);
    let mut huge = request();
    huge.source.size = Some(u64::MAX);
    let error = write(source_of(&fixture()), store.arc(), huge, control())
        .await
        .unwrap_err();
    assert_eq!(error.reason(), "TooLarge");
    nothing_is_left(&store).await;
}
