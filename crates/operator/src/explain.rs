//! What the API server's refusals mean for the person who has to act on them.

use kube::runtime::watcher;

/// Says what went wrong between us and the API server, and what to do where that is known.
///
/// The text holds the API server's own message (which names the verb and the resource that a role lacks), and
/// never a request or response body.
pub fn api_error(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if status.code == 403 => format!(
            "the API server forbids it: {}. Give the operator's service account this verb (see config/rbac)",
            status.message
        ),
        kube::Error::Api(status) if status.code == 409 => "the object changed meanwhile".to_owned(),
        kube::Error::Api(status) if status.message.is_empty() => {
            format!("the API server answered {} {}", status.code, status.reason)
        }
        kube::Error::Api(status) => format!("the API server answered {}: {}", status.code, status.message),
        kube::Error::Auth(_) => "the API server's credentials could not be obtained".to_owned(),
        kube::Error::SerdeError(error) => format!("the API server's answer was not understood: {error}"),
        other => format!("the API server cannot be reached: {}", innermost(other)),
    }
}

/// As [`api_error`], for a watch of the resource `plural` (`etcdbackups`).
///
/// A list or watch that is answered with 404 means that the kind is unknown: the CRD was not installed.
pub fn watch_error(error: &watcher::Error, plural: &str) -> String {
    use watcher::Error::{InitialListFailed, NoResourceVersion, WatchError, WatchFailed, WatchStartFailed};
    if is_undefined(error) {
        return format!(
            "the API server does not know {plural}.etcdbackup.dev: install the custom resource definitions \
             (kubectl apply --server-side -k crds/)"
        );
    }
    match error {
        InitialListFailed(source) => format!("cannot list {plural}: {}", api_error(source)),
        WatchStartFailed(source) | WatchFailed(source) => {
            format!("cannot watch {plural}: {}", api_error(source))
        }
        WatchError(status) => format!("the watch of {plural} ended: {}", status.message),
        NoResourceVersion => format!("the API server's list of {plural} carries no resource version"),
    }
}

/// Whether the API server does not know the kind that was to be watched.
pub fn is_undefined(error: &watcher::Error) -> bool {
    use watcher::Error::{InitialListFailed, WatchStartFailed};
    matches!(error, InitialListFailed(kube::Error::Api(status)) | WatchStartFailed(kube::Error::Api(status))
        if status.code == 404)
}

/// Whether the API server said that what was asked for is not there, or is on its way out: a deleted object, a
/// namespace that terminates. Trying again cannot help.
pub fn is_gone(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status)
        if status.code == 404 || (status.code == 403 && status.message.contains("being terminated")))
}

/// Whether the object changed between our reading and our writing it.
pub fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409)
}

/// An error and its causes in one line, without those that the text above them already says: many errors print their
/// cause themselves.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| {
        let cause = cause.to_string();
        if text.contains(&cause) {
            text
        } else {
            format!("{text}: {cause}")
        }
    })
}

/// The cause at the bottom: "connection refused" says more than "client error (Connect)".
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn api(code: u16, message: &str) -> kube::Error {
        kube::Error::Api(Box::new(Status::failure(message, "Whatever").with_code(code)))
    }

    #[test]
    fn a_forbidden_verb_is_named_with_the_place_to_grant_it() {
        let text = api_error(&api(
            403,
            "etcdbackups is forbidden: User \"x\" cannot list resource \"etcdbackups\"",
        ));
        assert!(
            text.contains("cannot list resource") && text.contains("config/rbac"),
            "{text}"
        );
    }

    #[test]
    fn an_unknown_kind_asks_for_the_definitions() {
        let text = watch_error(
            &watcher::Error::InitialListFailed(api(404, "not found")),
            "etcdbackups",
        );
        assert!(
            text.contains("etcdbackups.etcdbackup.dev") && text.contains("crds/"),
            "{text}"
        );
    }

    #[test]
    fn a_namespace_that_terminates_counts_as_gone() {
        let terminating = api(
            403,
            "unable to create new content in namespace x because it is being terminated",
        );
        assert!(is_gone(&terminating));
        assert!(is_gone(&api(404, "gone")));
        assert!(!is_gone(&api(403, "User cannot create")));
    }

    #[test]
    fn a_conflict_is_told_apart_from_other_refusals() {
        assert!(is_conflict(&api(409, "the object has been modified")));
        assert!(!is_conflict(&api(500, "boom")));
    }
}
