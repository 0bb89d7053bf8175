use super::*;

#[test]
fn an_error_says_what_was_asked_and_what_to_do() {
    let error = StoreError::PermissionDenied {
        at: Context::new(Operation::Put)
            .key("ns/plan/owner.json")
            .status(403)
            .code("AccessDenied")
            .request_id("7B4A0FABBEXAMPLE")
            .boxed(),
        permission: Some("s3:PutObject"),
    };
    assert_eq!(
        error.to_string(),
        "put \"ns/plan/owner.json\" (HTTP 403, AccessDenied, request 7B4A0FABBEXAMPLE): \
         permission denied (needs s3:PutObject)"
    );
    assert_eq!(error.reason(), "PermissionDenied");
    assert!(!error.is_transient());
}

#[test]
fn a_clock_difference_names_its_direction() {
    assert_eq!(by(Some(-901)), ": the store's is 901 s behind ours");
    assert_eq!(by(Some(1200)), ": the store's is 1200 s ahead of ours");
    assert_eq!(by(None), "");
}

#[test]
fn an_error_stays_small_enough_to_return() {
    assert!(size_of::<StoreError>() <= 64);
}

#[test]
fn what_only_a_person_can_change_says_what_to_change() {
    let at = || Context::new(Operation::Put).boxed();
    for (error, named) in [
        (
            StoreError::InvalidCredentials { at: at() },
            "storage.s3.credentials",
        ),
        (
            StoreError::ClockSkew {
                at: at(),
                offset_seconds: Some(1200),
            },
            "NTP",
        ),
        (StoreError::Unsupported { at: at() }, "leave out"),
        (StoreError::Full { at: at() }, "more space"),
        (StoreError::Rejected { at: at() }, "check what is set"),
    ] {
        let said = error.to_string();
        assert!(said.contains(named), "{said}");
        assert!(!error.is_transient(), "{said}");
    }
}
