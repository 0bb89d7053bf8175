//! What `config/components` adds to an installation: rendered by kubectl, accepted by a real API server, and naming only what the
//! program has.

use std::{
    fs,
    path::{Component, Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use harness::{
    apiserver::ApiServer,
    binaries,
    etcd::{Etcd, Version},
    kubectl::Kubectl,
    scratch,
};
use serde_json::{Value, json};

const FOLDER: &str = "config/components";
/// Kinds of the Prometheus operator, whose definitions no API server here has.
const OF_PROMETHEUS: &str = "monitoring.coreos.com/";

/// What an installation with one component holds.
struct Rendered {
    component: String,
    objects: Vec<Value>,
}

impl Rendered {
    fn with(component: &str, kubectl: &Kubectl) -> Result<Self> {
        let base = if component.ends_with("-single-namespace") {
            "single-namespace"
        } else {
            "default"
        };
        let folder = scratch::folder("kustomization")?;
        // kubectl takes no absolute paths.
        let place = folder.path().canonicalize()?;
        let up = place
            .components()
            .filter(|part| matches!(part, Component::Normal(_)));
        let root = up.map(|_| Path::new("..")).collect::<PathBuf>();
        let root = root.join(binaries::root().canonicalize()?.strip_prefix("/")?);
        let kustomization = json!({
            "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
            "resources": [root.join("config").join(base)], "components": [root.join(FOLDER).join(component)],
        });
        fs::write(
            folder.path().join("kustomization.yaml"),
            kustomization.to_string(),
        )?;
        let yaml = kubectl.run(&["kustomize", &folder.path().to_string_lossy()])?;
        let objects = yaml.split("\n---\n").map(serde_saphyr::from_str);
        Ok(Self {
            component: component.to_owned(),
            objects: objects
                .collect::<Result<_, _>>()
                .context("read what kubectl rendered")?,
        })
    }

    fn all(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.objects.iter().filter(move |object| object["kind"] == *kind)
    }

    fn one(&self, kind: &str) -> Result<&Value> {
        let mut found = self.all(kind);
        let one = found.next();
        ensure!(found.next().is_none(), "{}: more than one {kind}", self.component);
        one.with_context(|| format!("{}: no {kind}", self.component))
    }

    /// Arguments of the operator.
    fn arguments(&self) -> Result<Vec<&str>> {
        let arguments = &self.one("Deployment")?["spec"]["template"]["spec"]["containers"][0]["args"];
        let arguments = arguments.as_array().context("no arguments")?;
        Ok(arguments.iter().filter_map(Value::as_str).collect())
    }
}

/// Every component, by the name of its folder.
fn components() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(binaries::root().join(FOLDER)).context("list the components")? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

async fn installed() -> Result<(Etcd, ApiServer, Kubectl)> {
    let etcd = Etcd::start(Version::V3_6).await?;
    let server = ApiServer::start(&etcd).await?;
    // The namespace and the definitions are there already.
    server.install()?;
    let kubectl = server.kubectl()?;
    Ok((etcd, server, kubectl))
}

#[tokio::test]
async fn the_api_server_takes_an_installation_with_any_component_and_the_program_its_flags() -> Result<()> {
    let (_etcd, server, kubectl) = installed().await?;
    let help = Command::new(binaries::etcd_backup()?)
        .args(["operator", "--help"])
        .output()?;
    let help = String::from_utf8(help.stdout)?;
    let components = components()?;
    ensure!(components.len() >= 6, "there are {components:?}");
    for component in components {
        let rendered = Rendered::with(&component, &kubectl)?;
        let (others, ours): (Vec<&Value>, Vec<&Value>) = rendered.objects.iter().partition(|object| {
            object["apiVersion"]
                .as_str()
                .is_some_and(|of| of.starts_with(OF_PROMETHEUS))
        });
        ensure!(
            others.is_empty() || component == "monitoring",
            "{component}: {others:?}"
        );
        let list = json!({"apiVersion": "v1", "kind": "List", "items": ours});
        let file = server.folder().join(format!("{component}.json"));
        fs::write(&file, list.to_string())?;
        let file = file.to_string_lossy();
        let apply = [
            "apply",
            "--server-side",
            "--dry-run=server",
            "--validate=strict",
            "--force-conflicts",
        ];
        kubectl
            .run(&[&apply[..], &["-f", &file]].concat())
            .with_context(|| format!("with {component}"))?;
        for argument in rendered.arguments()? {
            let flag = argument.split('=').next().unwrap_or_default();
            ensure!(
                argument == "operator"
                    || help
                        .split_whitespace()
                        .any(|word| word.split('[').next() == Some(flag)),
                "{component}: the operator has no flag {flag}"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_component_adds_what_it_says_and_in_one_namespace_binds_no_cluster_role() -> Result<()> {
    let (_etcd, _server, kubectl) = installed().await?;
    for (component, flag) in [
        ("jobs", "--enable-jobs"),
        ("jobs-single-namespace", "--enable-jobs"),
        ("restore", "--enable-restore"),
        ("restore-single-namespace", "--enable-restore"),
        ("local-store", "--local-store-root=/backups"),
    ] {
        let rendered = Rendered::with(component, &kubectl)?;
        let arguments = rendered.arguments()?;
        ensure!(arguments.contains(&flag), "{component}: {arguments:?}");
        if component.ends_with("-single-namespace") {
            let bound = rendered.all("ClusterRoleBinding").count();
            ensure!(bound == 0, "{component}: {bound} ClusterRoles are bound");
        }
    }
    // The directory is the claim that comes with it.
    let rendered = Rendered::with("local-store", &kubectl)?;
    let claim = rendered.one("PersistentVolumeClaim")?;
    let pod = &rendered.one("Deployment")?["spec"]["template"]["spec"];
    let named = |list: &Value, name: &str| {
        let mut items = list.as_array().into_iter().flatten();
        items
            .find(|item| item["name"] == *name)
            .cloned()
            .unwrap_or_default()
    };
    let (volume, mount) = (
        named(&pod["volumes"], "backups"),
        named(&pod["containers"][0]["volumeMounts"], "backups"),
    );
    ensure!(
        volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
            && mount["mountPath"] == "/backups",
        "{volume} is mounted as {mount}, and the claim is {claim}"
    );
    Ok(())
}

#[tokio::test]
async fn prometheus_is_sent_to_the_port_that_is_served_and_its_rules_are_whole() -> Result<()> {
    let (_etcd, _server, kubectl) = installed().await?;
    let rendered = Rendered::with("monitoring", &kubectl)?;
    let monitor = rendered.one("ServiceMonitor")?;
    let wanted = monitor["spec"]["selector"]["matchLabels"]
        .as_object()
        .context("it selects nothing")?;
    let chosen = |service: &&Value| {
        let labels = &service["metadata"]["labels"];
        service["metadata"]["namespace"] == monitor["metadata"]["namespace"]
            && wanted.iter().all(|(key, value)| labels[key] == *value)
    };
    let services: Vec<_> = rendered.all("Service").filter(chosen).collect();
    let [service] = &*services else {
        anyhow::bail!("it selects {} Services", services.len());
    };
    let port = &monitor["spec"]["endpoints"][0]["port"];
    let ports = service["spec"]["ports"].as_array().context("no ports")?;
    let port = ports.iter().find(|of| of["name"] == *port);
    let target = &port.context("the Service has no such port")?["targetPort"];
    let container = &rendered.one("Deployment")?["spec"]["template"]["spec"]["containers"][0];
    let served = container["ports"]
        .as_array()
        .context("the container serves no port")?;
    ensure!(
        served.iter().any(|of| of["name"] == *target),
        "{target} is not served"
    );

    let rules = rendered.one("PrometheusRule")?["spec"]["groups"][0]["rules"].as_array();
    let rules = rules.context("no rules")?;
    ensure!(rules.len() >= 7, "{} rules", rules.len());
    for rule in rules {
        for field in [
            "/alert",
            "/expr",
            "/for",
            "/labels/severity",
            "/annotations/summary",
            "/annotations/description",
        ] {
            let text = rule.pointer(field).and_then(Value::as_str).unwrap_or_default();
            ensure!(!text.is_empty(), "{}: no {field}", rule["alert"]);
        }
    }
    Ok(())
}
