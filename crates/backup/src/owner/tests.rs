use etcd_backup_store::MemoryStore;

use super::*;

fn plan() -> PlanKey {
    PlanKey::new("ns", "prod").unwrap()
}

fn owner(uid: &str) -> Owner {
    Owner {
        kubernetes_cluster_uid: Some("c1".into()),
        plan_uid: Some(uid.into()),
    }
}

fn now() -> DateTime<Utc> {
    "2026-11-23T06:00:00Z".parse().unwrap()
}

async fn stored(store: &MemoryStore) -> Bytes {
    store
        .get("ns/prod/owner.json", GetRange::all())
        .await
        .unwrap()
        .bytes(2 * MAX_BYTES)
        .await
        .unwrap()
}

#[tokio::test]
async fn the_first_to_come_owns_the_prefix_and_claims_it_again_without_a_change() {
    let store = MemoryStore::new();
    claim(&store, &plan(), &owner("p1"), now()).await.unwrap();
    let first = stored(&store).await;
    claim(&store, &plan(), &owner("p1"), now() + chrono::TimeDelta::days(1))
        .await
        .unwrap();
    assert_eq!(stored(&store).await, first);
    assert_eq!(
        String::from_utf8(first.to_vec()).unwrap(),
        "{\n  \"format\": \"1.0\",\n  \"kubernetesClusterUid\": \"c1\",\n  \"planUid\": \"p1\",\n  \"created\": \"2026-11-23T06:00:00Z\"\n}\n"
    );
}

#[tokio::test]
async fn a_plan_of_another_cluster_is_told_whose_the_prefix_is_and_changes_nothing() {
    let store = MemoryStore::new();
    claim(&store, &plan(), &owner("p1"), now()).await.unwrap();
    let first = stored(&store).await;
    for other in [
        Owner {
            kubernetes_cluster_uid: Some("c2".into()),
            ..owner("p1")
        },
        Owner {
            kubernetes_cluster_uid: None,
            ..owner("p2")
        },
        Owner {
            plan_uid: None,
            ..owner("p1")
        },
        Owner {
            kubernetes_cluster_uid: None,
            plan_uid: None,
        },
    ] {
        let error = claim(&store, &plan(), &other, now()).await.unwrap_err();
        assert_eq!(error.reason(), "PrefixInUse");
        assert!(error.to_string().starts_with("ns/prod/owner.json belongs to the plan with UID p1 of the Kubernetes cluster with UID c1, since 2026-11-23"), "{error}");
    }
    assert_eq!(stored(&store).await, first);
}

#[tokio::test]
async fn a_plan_that_was_created_again_takes_over_from_the_one_that_is_gone() {
    let store = MemoryStore::new();
    let first = claim(&store, &plan(), &owner("p1"), now()).await.unwrap();
    assert_eq!(first, Claimed::First);
    // Removing things is no reason to take over.
    assert_eq!(
        check(&store, &plan(), &owner("p2")).await.unwrap_err().reason(),
        "PrefixInUse"
    );
    let later = now() + chrono::TimeDelta::days(1);
    let second = claim(&store, &plan(), &owner("p2"), later).await.unwrap();
    assert_eq!(second, Claimed::TakenOver { from: owner("p1") });
    let again = claim(&store, &plan(), &owner("p2"), later).await.unwrap();
    assert_eq!(again, Claimed::Already);
    let text = String::from_utf8(stored(&store).await.to_vec()).unwrap();
    assert!(
        text.contains("\"planUid\": \"p2\"") && text.contains("2026-11-24"),
        "{text}"
    );
    assert_eq!(
        check(&store, &plan(), &owner("p1")).await.unwrap_err().reason(),
        "PrefixInUse"
    );
}

#[tokio::test]
async fn where_nobody_says_the_cluster_there_is_no_taking_over() {
    let store = MemoryStore::new();
    let nowhere = |uid: &str| Owner {
        kubernetes_cluster_uid: None,
        ..owner(uid)
    };
    claim(&store, &plan(), &nowhere("p1"), now()).await.unwrap();
    let error = claim(&store, &plan(), &nowhere("p2"), now()).await.unwrap_err();
    assert_eq!(error.reason(), "PrefixInUse");
}

#[tokio::test]
async fn an_owner_that_cannot_be_understood_is_somebody_else() {
    for text in [
        "",
        "{}",
        "not json",
        r#"{"format":"2.0","created":"2026-11-23T06:00:00Z"}"#,
        r#"{"format":"1.0","created":"2026-11-23T06:00:00Z","planUid":"p1","planUid":"p1"}"#,
        r#"{"format":"1.0","created":"2026-11-23T06:00:00Z","planUid":"p1","more":1}"#,
        &format!(
            r#"{{"format":"1.0","created":"2026-11-23T06:00:00Z","planUid":"{}"}}"#,
            "p".repeat(MAX_BYTES)
        ),
    ] {
        let store = MemoryStore::new();
        store
            .put(
                "ns/prod/owner.json",
                Bytes::copy_from_slice(text.as_bytes()),
                PutMode::Create,
            )
            .await
            .unwrap();
        let error = claim(&store, &plan(), &owner("p1"), now()).await.unwrap_err();
        assert_eq!(error.reason(), "PrefixInUse", "{text}");
        assert_eq!(stored(&store).await, text.as_bytes());
    }
}

#[tokio::test]
async fn an_owner_from_a_bucket_cannot_write_into_a_terminal() {
    let store = MemoryStore::new();
    let text = "{\"format\":\"1.0\",\"created\":\"2026-11-23T06:00:00Z\",\"planUid\":\"\\u001b[2J\\nx\"}";
    store
        .put("ns/prod/owner.json", Bytes::from(text), PutMode::Create)
        .await
        .unwrap();
    let error = claim(&store, &plan(), &owner("p1"), now()).await.unwrap_err();
    assert!(!error.to_string().contains(char::is_control), "{error}");
}

#[tokio::test]
async fn what_the_store_does_is_found_out_on_a_place_of_ones_own_and_changes_nothing() {
    let store = MemoryStore::new();
    let unclaimed = creates_only(&store, &plan(), &owner("p1")).await.unwrap_err();
    assert_eq!(unclaimed.reason(), "PrefixUnclaimed");
    claim(&store, &plan(), &owner("p1"), now()).await.unwrap();
    let first = stored(&store).await;
    let found = creates_only(&store, &plan(), &owner("p1")).await.unwrap();
    assert_eq!(found, CreateOnly::Enforced);
    let others = creates_only(&store, &plan(), &owner("p2")).await.unwrap_err();
    assert_eq!(others.reason(), "PrefixInUse");
    assert_eq!(stored(&store).await, first);
}
