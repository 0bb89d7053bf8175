//! How much a container may take.

use std::cmp::{Ordering, max_by, min_by};
use std::collections::BTreeMap;
use std::iter::zip;

use etcd_backup_api::{Amounts, JobShape};
use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// What a container gets when nothing else says so: `cpu` and `memory`, asked for and at most.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// What a node must have to spare.
    pub requests: [(&'static str, &'static str); 2],
    /// The most that it gets.
    pub limits: [(&'static str, &'static str); 2],
}

/// What is named counts as it stands. Of what is not, the usual, moved where it would contradict what is: Kubernetes refuses a pod
/// that asks for more than it may take.
pub(super) fn resources(shape: &JobShape, Wanted { requests, limits }: Wanted) -> ResourceRequirements {
    let named = |amounts: Option<&Amounts>, name: &str| {
        amounts.and_then(|amounts| match name {
            "cpu" => amounts.cpu.clone(),
            _ => amounts.memory.clone(),
        })
    };
    let wanted = shape.resources.as_ref();
    let (mut asked, mut most) = (BTreeMap::new(), BTreeMap::new());
    for ((name, request), (_, limit)) in zip(requests, limits) {
        let said_request = named(wanted.and_then(|wanted| wanted.requests.as_ref()), name);
        let said_limit = named(wanted.and_then(|wanted| wanted.limits.as_ref()), name);
        let (request, limit) = match (said_request, said_limit) {
            (Some(request), Some(limit)) => (request, limit),
            (Some(request), None) => (request.clone(), max_by(limit.to_owned(), request, by_amount)),
            (None, Some(limit)) => (min_by(request.to_owned(), limit.clone(), by_amount), limit),
            (None, None) => (request.to_owned(), limit.to_owned()),
        };
        asked.insert(name.to_owned(), Quantity(request));
        most.insert(name.to_owned(), Quantity(limit));
    }
    ResourceRequirements {
        requests: Some(asked),
        limits: Some(most),
        claims: None,
    }
}

#[expect(clippy::ptr_arg, reason = "what compares Strings is given Strings")]
fn by_amount(one: &String, other: &String) -> Ordering {
    amount(one).total_cmp(&amount(other))
}

/// How much an amount of the API is, for comparing: its suffixes are those of Kubernetes' quantities that [`Amounts`] allows.
fn amount(text: &str) -> f64 {
    let suffixes = [
        ("Ki", 1_024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("m", 1e-3),
    ];
    let (digits, scale) = suffixes
        .iter()
        .find_map(|(suffix, scale)| Some((text.strip_suffix(suffix)?, *scale)))
        .unwrap_or((text, 1.0));
    digits.parse::<f64>().unwrap_or(0.0) * scale
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_is_not_named_never_contradicts_what_is() {
        const USUAL: Wanted = Wanted {
            requests: [("cpu", "100m"), ("memory", "128Mi")],
            limits: [("cpu", "2"), ("memory", "512Mi")],
        };
        let of = |said: &Value| {
            let shape: JobShape = serde_json::from_value(json!({"resources": said})).unwrap();
            serde_json::to_value(resources(&shape, USUAL)).unwrap()
        };
        for (said, requests, limits) in [
            (json!({}), ["100m", "128Mi"], ["2", "512Mi"]),
            (
                json!({"requests": {"memory": "1Gi"}}),
                ["100m", "1Gi"],
                ["2", "1Gi"],
            ),
            (
                json!({"requests": {"memory": "200M"}}),
                ["100m", "200M"],
                ["2", "512Mi"],
            ),
            (
                json!({"limits": {"memory": "64Mi"}}),
                ["100m", "64Mi"],
                ["2", "64Mi"],
            ),
            (
                json!({"limits": {"cpu": "0.05"}}),
                ["0.05", "128Mi"],
                ["0.05", "512Mi"],
            ),
            (
                json!({"requests": {"cpu": "2500m"}}),
                ["2500m", "128Mi"],
                ["2500m", "512Mi"],
            ),
            (
                json!({"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}}),
                ["1", "128Mi"],
                ["2", "1Gi"],
            ),
            // Both are somebody's own words: Kubernetes says what is wrong with them.
            (
                json!({"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}),
                ["2", "128Mi"],
                ["1", "512Mi"],
            ),
        ] {
            let both = |[cpu, memory]: [&str; 2]| json!({"cpu": cpu, "memory": memory});
            assert_eq!(
                of(&said),
                json!({"requests": both(requests), "limits": both(limits)}),
                "{said}"
            );
        }
    }
}
