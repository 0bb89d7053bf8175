//! Rows of one kind of thing, in the formats that `kubectl get` has and etcdctl's.

use serde::Serialize;

use super::{Format, json, yaml};
use crate::exit::Failure;

/// A column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    name: &'static str,
    wide: bool,
}

impl Column {
    /// Always shown.
    pub(crate) const fn new(name: &'static str) -> Self {
        Self { name, wide: false }
    }

    /// Shown only where there is room.
    pub(crate) const fn wide(name: &'static str) -> Self {
        Self { name, wide: true }
    }
}

/// Rows, and the same as data for programs.
#[derive(Debug)]
pub(crate) struct Listing<T> {
    pub(crate) columns: &'static [Column],
    pub(crate) rows: Vec<Vec<String>>,
    /// What `-o json` and `-o yaml` print.
    pub(crate) data: T,
}

/// Between columns.
const GAP: &str = "   ";

impl<T: Serialize> Listing<T> {
    /// The text of a format; a table where none is asked for.
    pub(crate) fn show(&self, format: Option<Format>) -> Result<String, Failure> {
        Ok(match format.unwrap_or(Format::Table) {
            Format::Json => json(&self.data)?,
            Format::Yaml => yaml(&self.data)?,
            Format::Table => self.table(false),
            Format::Wide => self.table(true),
            Format::Simple => self.lines(|cells| cells.join(", ")),
            Format::Fields => self.lines(|cells| {
                let named = self.columns.iter().zip(cells);
                let fields: Vec<_> = named
                    .map(|(column, cell)| format!("\"{}\" : {cell}", column.name))
                    .collect();
                fields.join("\n") + "\n"
            }),
        })
    }

    fn lines(&self, line: impl Fn(&[String]) -> String) -> String {
        self.rows.iter().map(|row| line(row) + "\n").collect()
    }

    /// As `kubectl get` draws it: no lines, columns as wide as what is in them.
    fn table(&self, wide: bool) -> String {
        let shown: Vec<usize> = (0..self.columns.len())
            .filter(|&index| wide || self.columns.get(index).is_some_and(|column| !column.wide))
            .collect();
        let head: Vec<String> = self.columns.iter().map(|column| column.name.to_owned()).collect();
        let all: Vec<&Vec<String>> = std::iter::once(&head).chain(&self.rows).collect();
        let cell = |row: &'_ Vec<String>, index: usize| row.get(index).cloned().unwrap_or_default();
        let width = |index: usize| {
            let widths = all.iter().map(|row| cell(row, index).chars().count());
            widths.max().unwrap_or(0)
        };
        let widths: Vec<usize> = shown.iter().map(|&index| width(index)).collect();
        let mut text = String::new();
        for row in &all {
            let cells: Vec<String> = shown
                .iter()
                .zip(&widths)
                .map(|(&index, &width)| format!("{:width$}", cell(row, index)))
                .collect();
            text.push_str(cells.join(GAP).trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[Column::new("NAME"), Column::wide("KIND"), Column::new("SIZE")];

    fn listing() -> Listing<Vec<u8>> {
        Listing {
            columns: COLUMNS,
            rows: vec![
                vec!["a".into(), "x".into(), "100 MB".into()],
                vec!["longer".into(), "y".into(), "1 B".into()],
            ],
            data: vec![1],
        }
    }

    #[test]
    fn every_format_shows_the_same_rows() {
        let show = |format| listing().show(format).unwrap();
        assert_eq!(show(None), "NAME     SIZE\na        100 MB\nlonger   1 B\n");
        assert_eq!(show(Some(Format::Table)), show(None));
        assert_eq!(
            show(Some(Format::Wide)),
            "NAME     KIND   SIZE\na        x      100 MB\nlonger   y      1 B\n"
        );
        assert_eq!(show(Some(Format::Simple)), "a, x, 100 MB\nlonger, y, 1 B\n");
        assert_eq!(
            show(Some(Format::Fields)),
            "\"NAME\" : a\n\"KIND\" : x\n\"SIZE\" : 100 MB\n\n\"NAME\" : longer\n\"KIND\" : y\n\"SIZE\" : 1 B\n\n"
        );
        assert_eq!(show(Some(Format::Json)), "[1]\n");
        assert_eq!(show(Some(Format::Yaml)).trim_end(), "- 1");
    }
}
