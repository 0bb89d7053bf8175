//! The definitions as files: what stands in the folder `crds/`.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::Value;

use crate::crds;

/// What stands above every generated file.
const HEADER: &str = "# Generated from crates/api: do not edit. To renew: cargo xtask crds\n";

/// A definition could not be written as YAML.
#[derive(Debug, thiserror::Error)]
#[error("writing the definition of {kind} as YAML: {message}")]
pub struct ManifestError {
    kind: String,
    message: String,
}

/// The files of the folder `crds/`: name and content, the same bytes every time. One for each kind,
/// and a kustomization that lists them.
pub fn files() -> Result<Vec<(String, String)>, ManifestError> {
    let mut files = Vec::new();
    let mut kustomization =
        format!("{HEADER}apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n");
    for crd in crds() {
        let name = format!("{}.yaml", crd.spec.names.plural);
        kustomization.push_str("- ");
        kustomization.push_str(&name);
        kustomization.push('\n');
        files.push((name, format!("{HEADER}{}", yaml(&crd)?)));
    }
    files.push(("kustomization.yaml".into(), kustomization));
    Ok(files)
}

fn yaml(crd: &CustomResourceDefinition) -> Result<String, ManifestError> {
    let failed = |message: String| ManifestError {
        kind: crd.spec.names.kind.clone(),
        message,
    };
    let mut value = serde_json::to_value(crd).map_err(|error| failed(error.to_string()))?;
    whole_numbers(&mut value);
    serde_saphyr::to_string(&value).map_err(|error| failed(error.to_string()))
}

/// Writes bounds as people do: `minimum: 1`, although the schema's type for them is a floating
/// point number.
fn whole_numbers(value: &mut Value) {
    /// Every integer up to here is exact as a floating point number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) => {
            if let Some(float) = number
                .as_f64()
                .filter(|float| float.fract() == 0.0 && float.abs() < EXACT)
            {
                *number = (float as i64).into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(fields) => fields.values_mut().for_each(whole_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}
