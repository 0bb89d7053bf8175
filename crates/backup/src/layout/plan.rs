use std::fmt;

use super::{LayoutError, OWNER_FILE};

/// A plan's place in the store: its namespace and name, both checked so that neither can leave its folder.
///
/// ```
/// # use etcd_backup_backup::layout::PlanKey;
/// let plan = PlanKey::new("kube-system", "prod")?;
/// assert_eq!(plan.prefix(), "kube-system/prod/");
/// # Ok::<_, etcd_backup_backup::layout::LayoutError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlanKey {
    namespace: String,
    name: String,
}

/// Length of an RFC 1123 label, which a Kubernetes namespace is.
const LABEL_MAX: usize = 63;
/// Length of an RFC 1123 subdomain, which the name of most Kubernetes objects is.
const SUBDOMAIN_MAX: usize = 253;

impl PlanKey {
    /// Checks both names again, although the API server has: objects may have been stored without its rules.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Result<Self, LayoutError> {
        let (namespace, name) = (namespace.into(), name.into());
        if namespace.len() > LABEL_MAX || !is_label(&namespace) {
            return Err(LayoutError::Namespace);
        }
        if name.len() > SUBDOMAIN_MAX || !name.split('.').all(is_label) {
            return Err(LayoutError::Plan);
        }
        Ok(Self { namespace, name })
    }

    /// The Kubernetes namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The plan's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Prefix of every key of this plan. Ends with `/`, so that `prod` never sees what belongs to `prod-2`.
    pub fn prefix(&self) -> String {
        format!("{}/{}/", self.namespace, self.name)
    }

    /// Key of the object that says who writes here.
    pub fn owner_key(&self) -> String {
        format!("{}{OWNER_FILE}", self.prefix())
    }
}

/// RFC 1123 label without its bound on length.
fn is_label(text: &str) -> bool {
    let edge = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.first().is_some_and(edge)
        && bytes.last().is_some_and(edge)
        && bytes.iter().all(|byte| edge(byte) || *byte == b'-')
}

impl fmt::Display for PlanKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl fmt::Debug for PlanKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlanKey({self})")
    }
}
