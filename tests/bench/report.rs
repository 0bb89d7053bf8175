//! Figures: collected, shown as a table, saved as JSON.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde::Serialize;

/// What a figure has to be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
    Below(f64),
}

impl Goal {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
            Self::Below(bound) => value < bound,
        }
    }

    fn words(self) -> String {
        match self {
            Self::AtLeast(least) => format!(">= {least}"),
            Self::AtMost(most) => format!("<= {most}"),
            Self::Below(bound) => format!("< {bound}"),
        }
    }
}

/// One line of the table, and one element of the JSON.
#[derive(Debug, Serialize)]
struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    /// Such as `>= 0.95`; absent for what is told for information.
    goal: Option<String>,
    holds: Option<bool>,
}

/// All figures of a run.
#[derive(Debug, Default)]
pub(crate) struct Report(Vec<Figure>);

impl Report {
    /// A figure that has a goal.
    pub(crate) fn judge(&mut self, name: &str, value: f64, unit: &'static str, goal: Goal) {
        let (words, holds) = (Some(goal.words()), Some(goal.holds(value)));
        self.add(name, value, unit, words, holds);
    }

    /// A figure for information.
    pub(crate) fn tell(&mut self, name: &str, value: f64, unit: &'static str) {
        self.add(name, value, unit, None, None);
    }

    fn add(&mut self, name: &str, value: f64, unit: &'static str, goal: Option<String>, holds: Option<bool>) {
        let figure = Figure {
            name: name.to_owned(),
            value: (value * 1000.0).round() / 1000.0,
            unit,
            goal,
            holds,
        };
        say(&line(&figure));
        self.0.push(figure);
    }

    /// The table.
    pub(crate) fn print(&self) {
        say("");
        for figure in &self.0 {
            say(&line(figure));
        }
    }

    /// The JSON.
    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        let json = serde_json::to_string_pretty(&self.0).context("write the figures as JSON")?;
        fs::write(path, json + "\n").with_context(|| format!("write {}", path.display()))?;
        say(&format!("\nThe figures are in {}", path.display()));
        Ok(())
    }
}

fn line(figure: &Figure) -> String {
    let goal = match (&figure.goal, figure.holds) {
        (Some(goal), Some(true)) => format!("{goal}  holds"),
        (Some(goal), _) => format!("{goal}  MISSED"),
        (None, _) => String::new(),
    };
    let line = format!(
        "{:<58} {:>9.2} {:<6} {goal}",
        figure.name, figure.value, figure.unit
    );
    line.trim_end().to_owned()
}

/// The one in the middle. Of an even number, the higher.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Tells the person in front of it.
#[expect(clippy::print_stdout, reason = "printing is what it is for")]
pub(crate) fn say(words: &str) {
    println!("{words}");
}
