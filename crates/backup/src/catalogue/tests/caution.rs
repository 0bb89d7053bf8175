//! What is said when the newest backup is taken.

use super::*;

#[tokio::test]
async fn an_older_backup_is_not_taken_without_a_word_about_newer_ones_that_cannot_be_used() {
    let (store, entries) = bucket(4).await;
    let [first, second, third, fourth] = &entries[..] else {
        panic!("{entries:?}");
    };
    let now = fourth.manifest.times.started;
    put(&store, &first.snapshot_key(), b"short").await;
    assert_eq!(catalogue(&store).await.caution(now), None, "it is older");
    for broken in [third, fourth] {
        store.inner.delete(&broken.snapshot_key()).await.unwrap();
    }
    let found = catalogue(&store).await;
    assert_eq!(found.newest(now), Some(second));
    let told = found.caution(now).unwrap();
    for words in [
        format!("{} is taken", second.location.run),
        format!("{} is newer (and 1 more)", fourth.location.run),
        "its snapshot is not there".to_owned(),
    ] {
        assert!(told.contains(&words), "{words}: {told}");
    }
}

#[tokio::test]
async fn two_clusters_under_one_name_are_told_and_generations_of_one_are_not() {
    let (store, entries) = bucket(3).await;
    let now = entries[2].manifest.times.started;
    for (days, told) in [(300, false), (0, true)] {
        let time = entries[1].manifest.times.started - TimeDelta::days(days);
        let other = Location {
            cluster: ClusterId(1),
            ..location(time, 7)
        };
        put_snapshot(&store, &other).await;
        let bytes = manifest(&other, other.run.started(), SNAPSHOT)
            .to_bytes()
            .unwrap();
        put(&store, &other.manifest_key(), &bytes).await;
        let caution = catalogue(&store).await.caution(now);
        let named = caution.as_ref().is_some_and(|text| {
            text.contains(&other.run.to_string()) && text.contains(&entries[2].location.run.to_string())
        });
        assert_eq!((caution.is_some(), named), (told, told), "{days}: {caution:?}");
    }
}
