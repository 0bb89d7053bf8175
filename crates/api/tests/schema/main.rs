//! What the generated schema accepts, refuses and says, without an API server.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod facts;
mod rules;
mod serde;
mod structural;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::Value;

fn definition(kind: &str) -> CustomResourceDefinition {
    etcd_backup_api::crds()
        .into_iter()
        .find(|crd| crd.spec.names.kind == kind)
        .expect("a definition of this kind")
}

fn schema(kind: &str) -> Value {
    let version = definition(kind).spec.versions.remove(0);
    serde_json::to_value(version.schema.unwrap().open_api_v3_schema.unwrap()).unwrap()
}
