//! Which of the alerts that are shipped would fire: Prometheus' own engine says so (`tools/prometheus-alerts`).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write as _,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::binaries;

/// What Prometheus has of one or several operators, each with the label `instance`.
#[derive(Debug, Clone, Default)]
pub struct Scraped {
    series: BTreeMap<Labels, Samples>,
}

type Labels = BTreeMap<String, String>;

/// Seconds from now, and the value then.
type Samples = Vec<(f64, f64)>;

/// An alert that is active, as if its `for` had passed.
#[derive(Debug, Clone, Deserialize)]
pub struct Alert {
    /// The rule's name.
    pub alert: String,
    /// The labels of the series that it is about.
    pub labels: BTreeMap<String, String>,
    /// The value of the rule's expression.
    pub value: f64,
    /// What a person reads: `summary` and `description`.
    pub annotations: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Series<'a> {
    labels: &'a Labels,
    samples: &'a Samples,
}

impl Scraped {
    /// Adds what an operator serves as metrics, scraped now; of the plans only those of one namespace.
    ///
    /// # Errors
    /// A line that is no sample of OpenMetrics text.
    pub fn add(&mut self, instance: &str, namespace: &str, text: &str) -> Result<()> {
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let sample = parse(line).with_context(|| format!("no sample: {line:?}"));
            let (mut labels, value) = sample?;
            if labels.get("namespace").is_some_and(|of| of != namespace) {
                continue;
            }
            labels.insert("instance".to_owned(), instance.to_owned());
            self.series.insert(labels, vec![(0.0, value)]);
        }
        Ok(())
    }

    /// Sets a metric to a value in all series that have these labels.
    ///
    /// # Errors
    /// When there is no such series.
    pub fn set(&mut self, name: &str, labels: &[(&str, &str)], samples: &[(f64, f64)]) -> Result<()> {
        let wanted = |of: &Labels| {
            let has = |(label, value): &(&str, &str)| of.get(*label).map(String::as_str) == Some(value);
            has(&("__name__", name)) && labels.iter().all(has)
        };
        let mut found = false;
        for (_, of) in self.series.iter_mut().filter(|(labels, _)| wanted(labels)) {
            *of = samples.to_vec();
            found = true;
        }
        ensure!(found, "nobody exports {name} with {labels:?}");
        Ok(())
    }

    /// What fires at a time in Unix seconds, in the order of the rules.
    ///
    /// # Errors
    /// A rule that Prometheus does not understand, or a text that cannot be filled in.
    pub fn alerts(&self, now: i64) -> Result<Vec<Alert>> {
        let series: Vec<_> = self
            .series
            .iter()
            .map(|(labels, samples)| Series { labels, samples })
            .collect();
        let asked = json!({"now": now, "series": series, "rules": rules()?});
        let mut child = Command::new(binaries::tool("prometheus-alerts", "prometheus-alerts")?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("start prometheus-alerts")?;
        // It reads everything before it answers. Dropped here, which ends its input.
        let mut input = child.stdin.take().context("it has no input")?;
        input.write_all(asked.to_string().as_bytes()).context("ask")?;
        drop(input);
        let output = child.wait_with_output().context("read the answer")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}", said.trim());
        serde_json::from_slice(&output.stdout).context("understand the answer")
    }
}

/// The rules' names.
///
/// # Errors
/// As [`Scraped::alerts`].
pub fn names() -> Result<BTreeSet<String>> {
    let rules = rules()?.into_iter();
    let names = rules.map(|rule| rule["alert"].as_str().map(str::to_owned));
    names.collect::<Option<_>>().context("a rule has no name")
}

/// The rules that are shipped, each as the program takes it.
fn rules() -> Result<Vec<Value>> {
    let path = binaries::root().join("config/components/monitoring/alerts.yaml");
    let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let whole: Value = serde_saphyr::from_str(&text).with_context(|| format!("parse {}", path.display()))?;
    let groups = whole["spec"]["groups"].as_array().context("no groups")?;
    let rules = groups
        .iter()
        .flat_map(|group| group["rules"].as_array().into_iter().flatten());
    Ok(rules
        .map(|rule| json!({"alert": rule["alert"], "expr": rule["expr"], "annotations": rule["annotations"]}))
        .collect())
}

/// One line of OpenMetrics text: the labels, the name among them, and the value.
fn parse(line: &str) -> Option<(Labels, f64)> {
    let (series, value) = line.rsplit_once(' ')?;
    let (name, mut rest) = match series.split_once('{') {
        Some((name, rest)) => (name, rest.strip_suffix('}')?),
        None => (series, ""),
    };
    let mut labels = Labels::from([("__name__".to_owned(), name.to_owned())]);
    while let Some((label, after)) = rest.split_once("=\"") {
        // No value of the operator's labels has a quotation mark in it.
        let (value, after) = after.split_once('"')?;
        labels.insert(label.trim_start_matches(',').to_owned(), value.to_owned());
        rest = after;
    }
    rest.is_empty().then_some((labels, value.parse().ok()?))
}
