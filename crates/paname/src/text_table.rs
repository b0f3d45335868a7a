//! Tables of plain text.

/// Columns as wide as their widest cell, two spaces apart; a heading of an empty table is shown too. Lines end without spaces.
pub(crate) fn text_table(heading: Option<&[String]>, rows: &[Vec<String>]) -> String {
    let width = |cell: &String| cell.chars().count();
    let all = || heading.into_iter().map(<[String]>::to_vec).chain(rows.iter().cloned());
    let mut widths: Vec<usize> = Vec::new();
    for row in all() {
        for (i, cell) in row.iter().enumerate() {
            if i == widths.len() {
                widths.push(0);
            }
            widths[i] = widths[i].max(width(cell));
        }
    }
    let mut text = String::new();
    for row in all() {
        let mut line = String::new();
        for (cell, widest) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat(widest - width(cell) + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_by_characters() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let text = text_table(Some(&row(["é", "b"])), &[row(["long", ""]), row(["x", "y"])]);
        assert_eq!(text, "é     b\nlong\nx     y\n");
    }
}
