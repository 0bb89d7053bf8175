use chrono::{DateTime, TimeZone, Utc};
use proptest::prelude::*;

use super::*;

fn plan() -> PlanKey {
    PlanKey::new("kube-system", "prod").unwrap()
}

fn any_time() -> impl Strategy<Value = DateTime<Utc>> {
    (0_i64..253_402_300_799).prop_map(|seconds| Utc.timestamp_opt(seconds, 0).unwrap())
}

prop_compose! {
    fn any_location()(namespace in "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", name in "[a-z0-9]([a-z0-9-]{0,9}[a-z0-9])?(\\.[a-z0-9]{1,5}){0,2}", cluster: u64, time in any_time(), random: [u8; 5]) -> Location {
        Location { plan: PlanKey::new(namespace, name).unwrap(), cluster: ClusterId(cluster), run: RunId::new(time, random).unwrap() }
    }
}

#[test]
fn keys_are_laid_out_as_documented() {
    let run = RunId::new(
        Utc.with_ymd_and_hms(2026, 11, 23, 6, 0, 0).unwrap(),
        [0, 1, 2, 3, 255],
    )
    .unwrap();
    let location = Location {
        plan: plan(),
        cluster: ClusterId(0x0cdf_8181_94e3_a8c3),
        run,
    };
    assert_eq!(
        location.manifest_key(),
        "kube-system/prod/0cdf818194e3a8c3/20261123T060000Z-aaaqea77/manifest.json"
    );
    assert_eq!(
        location.snapshot_key(Form {
            zstd: true,
            age: true
        }),
        "kube-system/prod/0cdf818194e3a8c3/20261123T060000Z-aaaqea77/snapshot.db.zst.age"
    );
    assert_eq!(plan().owner_key(), "kube-system/prod/owner.json");
}

#[test]
fn names_that_could_leave_their_folder_are_refused() {
    let long = "a".repeat(64);
    for name in [
        "", ".", "..", "/", "a/b", "../x", "a..b", ".a", "a.", "-a", "a-", "A", "a_b", "a b", "a\0", "a\n",
        "ä", "а", "a%2fb",
    ] {
        assert!(PlanKey::new("ns", name).is_err(), "plan {name:?}");
        assert!(PlanKey::new(name, "plan").is_err(), "namespace {name:?}");
    }
    assert_eq!(PlanKey::new(&long, "plan"), Err(LayoutError::Namespace));
    assert_eq!(PlanKey::new("ns", "a".repeat(254)), Err(LayoutError::Plan));
    assert!(PlanKey::new("ns", "a.b-c.d").is_ok());
    assert_eq!(PlanKey::new("n.s", "plan"), Err(LayoutError::Namespace));
}

#[test]
fn look_alike_keys_are_not_ours() {
    let good = "kube-system/prod/0cdf818194e3a8c3/20261123T060000Z-aaaqea77/";
    for key in [
        "kube-system/prod-2/owner.json".to_owned(),
        "kube-system/prod/owner.json/".to_owned(),
        "kube-system/prod/Owner.json".to_owned(),
        "kube-system/prod/".to_owned(),
        "kube-system/prod".to_owned(),
        format!("/{good}manifest.json"),
        format!("x/{good}manifest.json"),
        format!("{good}manifest.json "),
        format!("{good}manifest.json/"),
        format!("{good}x/manifest.json"),
        format!("{good}../manifest.json"),
        format!("{good}/manifest.json"),
        format!("{good}snapshot.db.age.zst"),
        format!("{good}snapshot.db.gz"),
        good.to_owned(),
        good.replace("0cdf", "0CDF") + "manifest.json",
        good.replace("0cdf", "cdf") + "manifest.json",
        good.replace("0cdf", "+cdf") + "manifest.json",
        good.replace("-aaaqea77", "-aaaqea7") + "manifest.json",
        good.replace("-aaaqea77", "-aaaqea78") + "manifest.json",
        good.replace("-aaaqea77", "-AAAQEA77") + "manifest.json",
        good.replace("20261123", "20261323") + "manifest.json",
        good.replace("20261123", "+2026112") + "manifest.json",
        good.replace("T060000Z", "T060060Z") + "manifest.json",
        good.replace("T060000Z", "T06000 Z") + "manifest.json",
    ] {
        assert_eq!(plan().recognise(&key), None, "{key:?}");
    }
    assert!(plan().recognise(&format!("{good}manifest.json")).is_some());
}

#[test]
fn run_ids_of_one_second_differ_and_sort_by_time() {
    let now = Utc.with_ymd_and_hms(2026, 11, 23, 6, 0, 0).unwrap();
    let (a, b) = (RunId::generate(now).unwrap(), RunId::generate(now).unwrap());
    assert_ne!(a, b);
    let later = RunId::generate(now + chrono::TimeDelta::seconds(1)).unwrap();
    assert!(later > a && later.to_string() > a.to_string());
}

#[test]
fn a_clock_outside_four_digits_of_a_year_makes_no_run_id() {
    assert_eq!(
        RunId::new(DateTime::<Utc>::MAX_UTC, [0; 5]),
        Err(LayoutError::Time)
    );
    assert_eq!(
        RunId::new(DateTime::<Utc>::MIN_UTC, [0; 5]),
        Err(LayoutError::Time)
    );
}

proptest! {
    #[test]
    fn every_key_comes_back_as_what_it_was(location in any_location(), zstd: bool, age: bool) {
        let form = Form { zstd, age };
        prop_assert_eq!(location.plan.recognise(&location.manifest_key()), Some(Found::Manifest(location.clone())));
        prop_assert_eq!(location.plan.recognise(&location.snapshot_key(form)), Some(Found::Snapshot(location.clone(), form)));
        prop_assert_eq!(location.plan.recognise(&location.plan.owner_key()), Some(Found::Owner));
    }

    #[test]
    fn a_key_that_is_recognised_is_written_back_byte_for_byte(
        location in any_location(), form in prop::sample::select(Form::ALL.to_vec()), at in 0_usize..200, byte in prop::sample::select(b"az09AZ/.-+ _%T".to_vec()), replace: bool,
    ) {
        let mut key = location.snapshot_key(form).into_bytes();
        let at = at % key.len();
        if replace { key[at] = byte } else { key.insert(at, byte) }
        let key = String::from_utf8(key).unwrap();
        match location.plan.recognise(&key) {
            None => {}
            Some(Found::Snapshot(found, form)) => prop_assert_eq!(found.snapshot_key(form), key),
            Some(other) => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn no_plan_sees_the_keys_of_another(one in any_location(), other in any_location()) {
        prop_assume!(one.plan != other.plan);
        prop_assert_eq!(one.plan.recognise(&other.manifest_key()), None);
    }

    #[test]
    fn foreign_text_never_parses_by_accident_or_panics(text in ".{0,60}") {
        if let Ok(run) = text.parse::<RunId>() { prop_assert_eq!(run.to_string(), text.clone()); }
        if let Ok(id) = text.parse::<ClusterId>() { prop_assert_eq!(id.to_string(), text.clone()); }
        prop_assert_eq!(plan().recognise(&text), None);
    }
}
