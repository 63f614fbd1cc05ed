//! Markdown tables whose columns line up: most people read the text as it is, in a terminal or a review.

use unicode_width::UnicodeWidthStr as _;

/// No cell is padded beyond this, in cells of a terminal: one long sentence does not push a whole column away.
const WIDEST: usize = 60;

/// A last column of words ends where they end; one of figures is padded like the others.
const FIGURES: usize = 12;

/// The text with every table's cells padded to its columns.
pub(super) fn aligned(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut table: Vec<Vec<&str>> = Vec::new();
    for line in text.lines() {
        match line.strip_prefix('|') {
            Some(rest) => table.push(cells(rest)),
            None => {
                write(&mut out, &table);
                table.clear();
                out.push_str(line);
                out.push('\n');
            }
        }
    }
    write(&mut out, &table);
    out
}

/// The cells of a line after its first `|`. An escaped `|` is text.
fn cells(line: &str) -> Vec<&str> {
    let (mut cells, mut from, mut escaped) = (Vec::new(), 0, false);
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '|' => {
                cells.push(line[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    cells
}

fn write(out: &mut String, table: &[Vec<&str>]) {
    let columns = table.iter().map(Vec::len).max().unwrap_or(0);
    let wide = |i: usize| {
        let cells = table.iter().filter_map(|row| row.get(i)).map(|cell| cell.width());
        cells.filter(|wide| *wide <= WIDEST).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(wide).collect();
    for (at, row) in table.iter().enumerate() {
        let rule = at == 1;
        for (i, cell) in row.iter().enumerate() {
            let ragged = i + 1 == columns && widths[i] > FIGURES;
            let pad = if ragged { 0 } else { widths[i].saturating_sub(cell.width()) };
            out.push_str("| ");
            out.push_str(cell);
            out.extend(std::iter::repeat_n(if rule { '-' } else { ' ' }, pad));
            out.push(' ');
        }
        out.push_str("|\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_say_what_they_said() {
        let text = "# a\n\n| who | what |\n| --- | --- |\n| 東京 | x |\n| a \\| b \\\\ | words that run on |\n| | y |\n\n| z |\n| none |\n";
        let want = [
            "# a",
            "",
            "| who       | what |",
            "| --------- | --- |",
            "| 東京      | x |",
            "| a \\| b \\\\ | words that run on |",
            "|           | y |",
            "",
            "| z    |",
            "| none |",
            "",
        ];
        assert_eq!(aligned(text), want.join("\n"));
        assert_eq!(aligned(&aligned(text)), aligned(text));
    }

    #[test]
    fn one_long_cell_moves_nobody_else() {
        let text = format!("| a | b |\n| --- | --- |\n| {} | c |\n| d | e |\n", "x".repeat(WIDEST + 1));
        assert!(aligned(&text).contains("\n| d   | e   |\n"), "{}", aligned(&text));
    }
}
