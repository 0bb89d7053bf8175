//! The documents about the promises name tests and files. Those are there: a test that was renamed is renamed there too.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use xtask::root;

const FAULTS: &str = "docs/faults.md";
const DOCUMENTS: [&str; 3] = ["docs/semantics.md", "docs/breakages.md", FAULTS];

/// Every Rust file below a folder.
fn sources(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// The names of the tests in a Rust file: functions under `#[test]` or `#[tokio::test…]`, and what the cases of the pods' tier are called.
fn tests_in(source: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let (mut is_test, mut is_trial) = (false, false);
    for line in source.lines().map(str::trim) {
        let function = ["fn ", "async fn "]
            .iter()
            .find_map(|start| line.strip_prefix(start));
        if let Some(function) = function.filter(|_| is_test) {
            names.extend(function.split(['(', '<']).next().map(str::to_owned));
        }
        let quoted = line.strip_prefix('"').filter(|_| is_trial);
        let quoted = quoted.or_else(|| line.strip_prefix("without_node(\""));
        if let Some(text) = quoted {
            names.extend(text.split('"').next().map(str::to_owned));
        }
        is_trial = ["beside(", "alone(", "without_node("].contains(&line);
        // Other attributes and comments may stand between.
        is_test = line.starts_with("#[test]")
            || line.starts_with("#[tokio::test")
            || is_test && (line.starts_with("#[") || line.starts_with("//"));
    }
    names
}

/// What a document has in backticks, but for what is set apart as a block.
fn quoted(document: &str) -> impl Iterator<Item = &str> {
    document
        .lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// What the tree has.
struct Tree {
    tests: BTreeSet<String>,
    files: Vec<PathBuf>,
}

impl Tree {
    fn read() -> Result<Self> {
        let mut files = Vec::new();
        for folder in ["crates", "tests"] {
            sources(&root().join(folder), &mut files)?;
        }
        let mut tests = BTreeSet::new();
        for file in &files {
            let text = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
            tests.append(&mut tests_in(&text));
        }
        Ok(Self { tests, files })
    }

    /// Whether there is what a document means by a text in backticks; `true` for what means no test, file or folder.
    fn has(&self, text: &str) -> bool {
        let is_name = text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        // A metric: those are held to what is exported, by a test of the operator.
        if text.starts_with("etcd_backup_") {
            return true;
        }
        if is_name && text.matches('_').count() >= 3 {
            return self.tests.contains(text);
        }
        if let Some(module) = text.strip_suffix("::…") {
            let path = PathBuf::from(module.replace("::", "/"));
            let of_tests = root().join("tests/integration").join(path);
            return of_tests.is_dir() || of_tests.with_extension("rs").is_file();
        }
        let is_path = text.contains('/')
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
        !is_path || self.has_path(text)
    }

    /// Whether a paragraph names a test that is there.
    fn is_tested(&self, paragraph: &str) -> bool {
        quoted(paragraph).any(|text| self.tests.contains(text))
    }

    /// A path from the root, from `crates`, or from the sources of a crate.
    fn has_path(&self, path: &str) -> bool {
        let part = format!("/{path}");
        root().join(path).exists()
            || root().join("crates").join(path).exists()
            || self.files.iter().any(|file| {
                let file = file.to_string_lossy();
                file.ends_with(&part) || file.contains(&format!("{part}/"))
            })
    }
}

#[test]
fn every_test_and_file_that_the_documents_about_the_promises_name_is_there() -> Result<()> {
    let tree = Tree::read()?;
    let mut missing = Vec::new();
    for document in DOCUMENTS {
        let text = fs::read_to_string(root().join(document)).with_context(|| format!("read {document}"))?;
        let absent = quoted(&text).filter(|text| !tree.has(text));
        missing.extend(absent.map(|text| format!("{document}: {text}")));
    }
    assert!(missing.is_empty(), "not in the tree: {missing:#?}");
    Ok(())
}

#[test]
fn every_promise_names_a_test_and_was_broken() -> Result<()> {
    let tree = Tree::read()?;
    let [semantics, breakages, _] =
        DOCUMENTS.map(|document| fs::read_to_string(root().join(document)).unwrap_or_default());
    for number in 1..=12 {
        let start = semantics
            .find(&format!("**P{number} "))
            .with_context(|| format!("P{number} is not promised"))?;
        let paragraph = semantics[start..].split("\n\n").next().unwrap_or_default();
        assert!(tree.is_tested(paragraph), "P{number} names no test");
        let row = |line: &str| {
            let promises = line.split('|').nth(1).unwrap_or_default();
            promises
                .split(',')
                .any(|promise| promise.trim() == format!("P{number}"))
        };
        assert!(breakages.lines().any(row), "P{number} was never broken");
    }
    Ok(())
}

#[test]
fn every_fault_names_a_test() -> Result<()> {
    let tree = Tree::read()?;
    let text = fs::read_to_string(root().join(FAULTS)).with_context(|| format!("read {FAULTS}"))?;
    // A table's first row names its columns, the second one draws a line.
    let rows = text.lines().filter(|line| line.starts_with("| "));
    let rows: Vec<_> = rows
        .filter(|row| !row.starts_with("| what goes wrong |"))
        .collect();
    assert!(rows.len() > 60, "there are {} faults", rows.len());
    let untested: Vec<_> = rows.into_iter().filter(|row| !tree.is_tested(row)).collect();
    assert!(untested.is_empty(), "without a test: {untested:#?}");
    Ok(())
}

#[test]
fn what_is_not_there_is_told_from_what_is() {
    let tree = Tree {
        tests: tests_in(
            "#[test]\nfn one_two_three_four() {\n#[tokio::test(flavor = \"x\")]\n// why\nasync fn a_b_c_d() -> R {\nfn no_test_at_all() {\nbeside(\n\"five_six_seven_eight\",\nwithout_node(\"nine_ten_eleven_twelve\", || async {\n",
        ),
        files: vec![root().join("crates/backup/src/write/run.rs")],
    };
    for (text, there) in [
        ("one_two_three_four", true),
        ("a_b_c_d", true),
        ("five_six_seven_eight", true),
        ("nine_ten_eleven_twelve", true),
        ("no_test_at_all", false),
        ("renamed_since_it_was_named", false),
        ("backup/src/write/run.rs", true),
        ("write/run.rs", true),
        ("write/gone.rs", false),
        ("operator::restores::…", true),
        ("operator::gone::…", false),
        ("owner.json", true),
        ("http://", true),
        ("--allow-endpoint-cidr", true),
    ] {
        assert_eq!(tree.has(text), there, "{text}");
    }
    for (paragraph, tested) in [
        (
            "**P1** unit: `one_two_three_four`, of `crates/backup/tests`",
            true,
        ),
        ("**P1** unit: the tests of `crates/backup/tests/`", false),
        ("**P1** unit: `renamed_since_it_was_named`", false),
        ("**P1** unit: `operator::restores::…`", false),
    ] {
        assert_eq!(tree.is_tested(paragraph), tested, "{paragraph}");
    }
}
