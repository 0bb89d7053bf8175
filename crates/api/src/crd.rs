//! The custom resource definitions, as they are installed.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;

use crate::{EtcdBackup, EtcdRestore, EtcdSnapshot};

/// Every definition of this group, in the order in which they are best read.
///
/// This is the one list: the generated files, the tests and whoever installs the definitions all
/// take it from here.
pub fn crds() -> Vec<CustomResourceDefinition> {
    vec![
        tidy(EtcdBackup::crd()),
        tidy(EtcdSnapshot::crd()),
        tidy(EtcdRestore::crd()),
    ]
}

/// Makes of the derived schema what a person would have written.
fn tidy(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    let schemas = crd
        .spec
        .versions
        .iter_mut()
        .filter_map(|version| version.schema.as_mut()?.open_api_v3_schema.as_mut());
    for schema in schemas {
        tidy_schema(schema);
        if let Some(status) = schema
            .properties
            .as_mut()
            .and_then(|properties| properties.get_mut("status"))
        {
            visit(status, &mut |node| node.default = None);
        }
    }
    crd
}

fn tidy_schema(schema: &mut JSONSchemaProps) {
    visit(schema, &mut |node| {
        // `tls:` with nothing behind it is a mistake worth a message, and `has(self.tls)` must not be true for it.
        node.nullable = None;
        // Rust's unsigned formats are unknown to Kubernetes, which warns of each; the derived minimum of 0 says the same.
        if node
            .format
            .as_deref()
            .is_some_and(|format| format.starts_with("uint"))
        {
            node.format = Some("int64".into());
        }
        // Line breaks of the source are not paragraphs.
        if let Some(description) = &mut node.description {
            *description = paragraphs(description);
        }
    });
}

/// Joins the lines of each paragraph.
fn paragraphs(text: &str) -> String {
    let joined: Vec<String> = text
        .split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    joined.join("\n\n")
}

/// Calls `change` for a schema and for every schema inside it.
fn visit(schema: &mut JSONSchemaProps, change: &mut impl FnMut(&mut JSONSchemaProps)) {
    change(schema);
    for property in schema
        .properties
        .iter_mut()
        .flat_map(|properties| properties.values_mut())
    {
        visit(property, change);
    }
    match &mut schema.items {
        Some(JSONSchemaPropsOrArray::Schema(item)) => visit(item, change),
        Some(JSONSchemaPropsOrArray::Schemas(items)) => items.iter_mut().for_each(|item| visit(item, change)),
        None => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        visit(values, change);
    }
}
