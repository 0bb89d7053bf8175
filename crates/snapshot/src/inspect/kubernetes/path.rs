//! Keys of Kubernetes' API server: `/registry/[<group>/]<resource>/[<namespace>/]<name>`.

use serde::Serialize;

/// First segments under which an API server keeps objects: the usual one (`--etcd-prefix`), and OpenShift's two.
const ROOTS: [&str; 3] = ["registry", "kubernetes.io", "openshift.io"];
/// Resources whose key has two segments where others have one (`pkg/registry/core/rest/storage_core.go` and what it calls).
const DOUBLE: [(&str, &[&str]); 2] = [
    ("services", &["specs", "endpoints"]),
    ("ranges", &["serviceips", "servicenodeports"]),
];

/// What the key of an object says about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KubernetesPath {
    /// The API group, where the key names it: custom resources and some built-in ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The resource as the key spells it: `pods`, `minions` for nodes, `services/specs` for services.
    pub resource: String,
    /// The namespace, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name; "" for a key that is a resource of its own, like the allocated ports (`/registry/ranges/servicenodeports`).
    pub name: String,
}

impl KubernetesPath {
    /// Reads a key. `None` when it is not of that shape.
    pub fn of(key: &[u8]) -> Option<Self> {
        let key = std::str::from_utf8(key).ok()?;
        let (resource, rest) = split(key)?;
        let mut names = rest.split('/');
        let (namespace, name) = match (names.next(), names.next(), names.next()) {
            (Some(name), None, None) => (None, name),
            (Some(namespace), Some(name), None) => (Some(namespace), name),
            _ => return None,
        };
        let (_, path) = resource.strip_prefix('/')?.split_once('/')?;
        let (group, resource) = match path.split_once('/') {
            Some((group, resource)) if group.contains('.') => (Some(group), resource),
            _ => (None, path),
        };
        Some(Self {
            group: group.map(Into::into),
            resource: resource.into(),
            namespace: namespace.map(Into::into),
            name: name.into(),
        })
    }
}

/// The part of a key that all objects of its resource share, without the slash behind it: `/registry/pods`.
pub(in crate::inspect) fn resource(key: &[u8]) -> Option<&str> {
    let key = std::str::from_utf8(key).ok()?;
    split(key).map(|(resource, _)| resource)
}

/// Splits a key behind its resource.
fn split(key: &str) -> Option<(&str, &str)> {
    let (root, path) = key.strip_prefix('/')?.split_once('/')?;
    if !ROOTS.contains(&root) || path.is_empty() {
        return None;
    }
    let mut segments = path.split('/');
    let first = segments.next()?;
    let second = segments.next();
    let double = |second| {
        let seconds = DOUBLE.iter().find(|(resource, _)| *resource == first);
        seconds.is_some_and(|(_, seconds)| seconds.contains(&second))
    };
    let resource = match second {
        Some(second) if first.contains('.') || double(second) => {
            first.len().checked_add(1)?.checked_add(second.len())?
        }
        _ => first.len(),
    };
    let end = root.len().checked_add(2)?.checked_add(resource)?;
    let (resource, rest) = key.split_at_checked(end)?;
    Some((resource, rest.strip_prefix('/').unwrap_or(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(key: &str) -> Option<(String, String, String, String)> {
        KubernetesPath::of(key.as_bytes()).map(|path| {
            let KubernetesPath {
                group,
                resource,
                namespace,
                name,
            } = path;
            (
                group.unwrap_or_default(),
                resource,
                namespace.unwrap_or_default(),
                name,
            )
        })
    }

    #[test]
    fn keys_of_the_api_server_are_taken_apart() {
        for (key, group, resource, namespace, name) in [
            (
                "/registry/pods/kube-system/coredns-1",
                "",
                "pods",
                "kube-system",
                "coredns-1",
            ),
            ("/registry/minions/node-1", "", "minions", "", "node-1"),
            ("/registry/namespaces/default", "", "namespaces", "", "default"),
            (
                "/registry/services/specs/default/kubernetes",
                "",
                "services/specs",
                "default",
                "kubernetes",
            ),
            (
                "/registry/services/endpoints/default/k",
                "",
                "services/endpoints",
                "default",
                "k",
            ),
            ("/registry/ranges/serviceips", "", "ranges/serviceips", "", ""),
            (
                "/registry/clusterroles/system:node",
                "",
                "clusterroles",
                "",
                "system:node",
            ),
            (
                "/registry/apiextensions.k8s.io/customresourcedefinitions/a.b.c",
                "apiextensions.k8s.io",
                "customresourcedefinitions",
                "",
                "a.b.c",
            ),
            (
                "/registry/cert-manager.io/certificates/web/tls",
                "cert-manager.io",
                "certificates",
                "web",
                "tls",
            ),
            (
                "/kubernetes.io/secrets/openshift/x",
                "",
                "secrets",
                "openshift",
                "x",
            ),
            ("/openshift.io/routes/web/front", "", "routes", "web", "front"),
        ] {
            let expected = [group, resource, namespace, name].map(str::to_owned).into();
            assert_eq!(of(key), Some(expected), "{key}");
        }
    }

    #[test]
    fn other_keys_are_not() {
        for key in [
            "",
            "/",
            "registry/pods/a/b",
            "/registry",
            "/registry/",
            "/other/pods/a/b",
            "/registry/pods/a/b/c",
            "compact_rev_key",
        ] {
            assert_eq!(of(key), None, "{key}");
        }
        assert_eq!(KubernetesPath::of(b"/registry/pods/\xff"), None);
    }

    #[test]
    fn the_shared_part_is_the_keys_own_beginning() {
        let resource = |key: &'static str| resource(key.as_bytes());
        assert_eq!(resource("/registry/pods/a/b"), Some("/registry/pods"));
        assert_eq!(
            resource("/registry/services/specs/a/b"),
            Some("/registry/services/specs")
        );
        assert_eq!(resource("/registry/a.io/bs/c/d"), Some("/registry/a.io/bs"));
        assert_eq!(resource("/registry/a/b/c/d/e"), Some("/registry/a"));
        assert_eq!(resource("/calico/x"), None);
    }
}
