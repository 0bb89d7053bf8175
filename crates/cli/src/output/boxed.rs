//! etcdctl's tables.

/// A table with one row, drawn as etcdctl draws it: headings centred, values to the right.
pub(crate) fn boxed(columns: &[(&str, String)]) -> String {
    let widths: Vec<usize> = columns
        .iter()
        .map(|(name, value)| name.chars().count().max(value.chars().count()))
        .collect();
    let rule: String = widths
        .iter()
        .map(|width| format!("+{}", "-".repeat(width + 2)))
        .collect::<Vec<_>>()
        .concat();
    let line = |cells: Vec<String>| {
        cells
            .into_iter()
            .map(|cell| format!("| {cell} "))
            .collect::<Vec<_>>()
            .concat()
    };
    let head = line(
        columns
            .iter()
            .zip(&widths)
            .map(|((name, _), &width)| format!("{name:^width$}"))
            .collect(),
    );
    let body = line(
        columns
            .iter()
            .zip(&widths)
            .map(|((_, value), &width)| format!("{value:>width$}"))
            .collect(),
    );
    format!("{rule}+\n{head}|\n{rule}+\n{body}|\n{rule}+\n")
}
