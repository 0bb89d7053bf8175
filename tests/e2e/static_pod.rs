//! An etcd as kubeadm runs it: a static pod in the network of its node, with its data in a directory of the node.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use harness::{
    etcd::Version,
    kubectl::Kubectl,
    ports,
    rig::{Rig, images},
    tls::Pair,
    wait,
};
use serde_json::{Value, json};

use crate::{
    case::{Case, ETCD, PATIENCE},
    etcd::Etcd,
    restores::{RESTORE, ended_well},
    world::{HOST_PATH, World},
};

/// The member.
const NAME: &str = "cp-1";
/// The pod runs as somebody who is not root, as with kubeadm's `RootlessControlPlane`: what is restored must be theirs.
const USER: u32 = 65532;

/// The database is destroyed. A restore into the directory is not let in where Pod Security forbids it, says so, is carried
/// out where it may, and ends when the etcd that the kubelet started on it has been asked.
pub(crate) async fn in_a_directory_of_the_node(world: &'static World) -> Result<()> {
    let case = Case::begin(world, "static-pod")?;
    case.admit("baseline")?;
    let member = Member::new(&*world.rig.read().await)?;
    case.etcd_secret(&member.etcd.authority.pem(), &member.etcd.client)?;
    member.run()?;
    wait::until_ok("the static pod to answer", PATIENCE, async || {
        member.etcd.fill(1).await
    })
    .await?;
    member.etcd.fill(3).await?;
    case.plan("prod", &member.etcd.endpoints)?;
    let taken = case.take("last", "prod").await?;
    case.judge(Version::V3_6).await?;
    member.etcd.fill(5).await?;

    member.stop(&world.kubectl)?;
    member.destroy()?;
    ask(&case, &member)?;
    forbidden(&case).await?;
    case.admit("privileged")?;
    let verifying = |status: &Value| status["phase"] == "Verifying" || status["phase"] == "Failed";
    case.status_within(
        &format!("etcdrestore/{RESTORE}"),
        Duration::from_mins(4),
        "its data to be in place",
        verifying,
    )
    .await?;
    root_only_for_this(&case, &member)?;

    member.run()?;
    let status = ended_well(&case, &taken).await?;
    member.etcd.holds(3, &status).await?;
    member.is_theirs(&status)?;
    member.stop(&world.kubectl)?;
    case.end().await
}

struct Member {
    etcd: Etcd,
    peer: String,
    data: PathBuf,
    certificates: PathBuf,
    manifest: PathBuf,
}

impl Member {
    fn new(rig: &Rig) -> Result<Self> {
        let url = |port| format!("https://{}:{port}", Rig::HOST);
        let member = Self {
            etcd: Etcd::new(vec![url(ports::free()?)])?,
            peer: url(ports::free()?),
            data: rig.folder().join(HOST_PATH),
            certificates: rig.folder().join("pki"),
            manifest: rig.manifests().join("etcd.json"),
        };
        fs::create_dir(&member.data).context("make the data directory")?;
        fs::set_permissions(&member.data, fs::Permissions::from_mode(0o700)).context("close it")?;
        own(&member.data)?;
        fs::create_dir(&member.certificates).context("make a folder")?;
        let authority = &member.etcd.authority;
        let server = authority.server(&[Rig::HOST, "localhost", "127.0.0.1"])?;
        let ca = Pair {
            cert: authority.pem(),
            key: String::new(),
        };
        for (pair, name) in [(server, "server"), (ca, "ca")] {
            let files = pair.write(&member.certificates, name)?;
            own(&files.cert)?;
            own(&files.key)?;
        }
        Ok(member)
    }

    /// Puts the manifest where the kubelet looks for it.
    fn run(&self) -> Result<()> {
        // In one step: it must not be read while it is half there.
        let aside = self.data.with_file_name("etcd.json");
        fs::write(&aside, self.pod().to_string()).context("write the manifest")?;
        fs::rename(&aside, &self.manifest).context("put the manifest in place")
    }

    /// Takes the manifest away, and waits until the pod is over: so long its image in the API server stays.
    fn stop(&self, kubectl: &Kubectl) -> Result<()> {
        fs::remove_file(&self.manifest).context("take the manifest away")?;
        let pod = format!("pod/etcd-{}", Rig::NODE);
        let words = [
            "wait",
            "--for=delete",
            &pod,
            "--timeout=90s",
            "--namespace=kube-system",
        ];
        kubectl.run(&words).map(drop)
    }

    /// Nothing of the database is left.
    fn destroy(&self) -> Result<()> {
        let database = self.data.join("member/snap/db");
        let bytes = fs::metadata(&database).context("look at the database")?.len();
        fs::write(&database, vec![0; usize::try_from(bytes)?]).context("destroy the database")
    }

    /// What the restore made belongs to whom the old data did, and the old data is beside it.
    fn is_theirs(&self, status: &Value) -> Result<()> {
        for made in ["member", "member/snap/db", "member/wal"] {
            let found = fs::metadata(self.data.join(made)).with_context(|| format!("look at {made}"))?;
            ensure!(
                (found.uid(), found.gid()) == (USER, USER),
                "{made} is of {}",
                found.uid()
            );
        }
        let previous = status["members"][0]["previous"].as_str().unwrap_or_default();
        let name = Path::new(previous)
            .file_name()
            .with_context(|| format!("no old data in {status}"))?;
        let old = self.data.join(name).join("snap/db");
        let old = fs::read(&old).with_context(|| format!("read {}", old.display()))?;
        ensure!(
            old.iter().all(|byte| *byte == 0),
            "the old database is another one"
        );
        Ok(())
    }

    /// In the words of kubeadm's manifest.
    fn pod(&self) -> Value {
        let file = |name: &str| self.certificates.join(name).display().to_string();
        let client = &self.etcd.endpoints[0];
        let mut flags = vec![
            format!("--name={NAME}"),
            format!("--data-dir={}", self.data.display()),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={}", self.peer),
            format!("--initial-advertise-peer-urls={}", self.peer),
            format!("--initial-cluster={NAME}={}", self.peer),
            "--client-cert-auth=true".to_owned(),
            "--peer-client-cert-auth=true".to_owned(),
        ];
        for who in ["", "peer-"] {
            flags.push(format!("--{who}trusted-ca-file={}", file("ca.crt")));
            flags.push(format!("--{who}cert-file={}", file("server.crt")));
            flags.push(format!("--{who}key-file={}", file("server.key")));
        }
        let mount = |name: &str, path: &Path| json!({"name": name, "mountPath": path});
        let volume = |name: &str, path: &Path| json!({"name": name, "hostPath": {"path": path, "type": "DirectoryOrCreate"}});
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": "etcd", "namespace": "kube-system", "labels": {"component": "etcd", "tier": "control-plane"},
            },
            "spec": {
                "hostNetwork": true, "priorityClassName": "system-node-critical", "terminationGracePeriodSeconds": 5,
                "securityContext": {
                    "runAsUser": USER, "runAsGroup": USER, "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [{
                    "name": "etcd", "image": images::etcd_name(Version::V3_6), "args": flags,
                    "resources": {"requests": {"cpu": "100m", "memory": "100Mi"}},
                    "volumeMounts": [mount("etcd-data", &self.data), mount("etcd-certs", &self.certificates)],
                }],
                "volumes": [volume("etcd-data", &self.data), volume("etcd-certs", &self.certificates)],
            },
        })
    }
}

fn own(path: &Path) -> Result<()> {
    chown(path, Some(USER), Some(USER)).with_context(|| format!("give {} away", path.display()))
}

fn ask(case: &Case, member: &Member) -> Result<()> {
    case.apply(&[json!({
        "apiVersion": "etcdbackup.dev/v1alpha1", "kind": "EtcdRestore", "metadata": {"name": RESTORE},
        "spec": {
            "source": {"backup": {"name": "prod"}}, "existingData": "ReplaceAside", "timeout": "5m",
            "members": [{
                "name": NAME, "peerURLs": [member.peer],
                "target": {"hostPath": {"nodeName": Rig::NODE, "path": member.data}},
            }],
            "verify": {"etcd": {"endpoints": member.etcd.endpoints, "tls": {"secretName": ETCD}}},
        },
    })])
}

/// `baseline` admits no directory of a node, and the restore says who refuses.
async fn forbidden(case: &Case) -> Result<()> {
    let refused = |status: &Value| {
        let message = status["members"][0]["message"].as_str().unwrap_or_default();
        message.contains("violates PodSecurity \"baseline")
    };
    let object = format!("etcdrestore/{RESTORE}");
    case.status(&object, "it to say that its pod is refused", refused)
        .await
        .map(drop)
}

/// Its pods are root, in this directory, and have nothing else that they would not have as somebody else.
fn root_only_for_this(case: &Case, member: &Member) -> Result<()> {
    let pods = case.kubectl(&["get", "pods", "--output=json"])?;
    let pods: Value = serde_json::from_str(&pods).context("read kubectl's answer")?;
    let pods = pods["items"].as_array().context("a list has items")?;
    ensure!(pods.len() == 2, "there are {} pods", pods.len());
    for pod in pods {
        let spec = &pod["spec"];
        let container = &spec["containers"][0]["securityContext"];
        let volumes = spec["volumes"].as_array().into_iter().flatten();
        let nodes: Vec<_> = volumes
            .filter_map(|volume| volume["hostPath"]["path"].as_str())
            .collect();
        ensure!(
            nodes.iter().map(Path::new).eq([&*member.data]),
            "directories of the node in a pod: {nodes:?}"
        );
        ensure!(
            spec["securityContext"]["runAsUser"] == 0,
            "{}",
            spec["securityContext"]
        );
        ensure!(
            container["capabilities"] == json!({"add": ["CHOWN", "DAC_OVERRIDE", "FOWNER"], "drop": ["ALL"]})
                && container["allowPrivilegeEscalation"] == false
                && container["readOnlyRootFilesystem"] == true
                && container["privileged"].is_null(),
            "{container}"
        );
        ensure!(
            spec["automountServiceAccountToken"] == false
                && ["hostNetwork", "hostPID", "hostIPC"]
                    .iter()
                    .all(|field| spec[field].is_null()),
            "{spec}"
        );
    }
    Ok(())
}
