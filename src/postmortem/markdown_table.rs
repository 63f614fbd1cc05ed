//! Markdown tables whose columns line up: most people read the text as it is, in a terminal or a review.

use std::fmt;

use unicode_width::UnicodeWidthStr as _;

/// No cell is padded beyond this, in cells of a terminal: one long sentence does not push a whole column away.
const WIDEST: usize = 60;

/// A last column of words ends where they end; one of figures is padded like the others.
const FIGURES: usize = 12;

/// Gives the lines of a table, each time the same.
type TableLines<'a> = &'a dyn Fn(&mut dyn FnMut(&str) -> fmt::Result) -> fmt::Result;

/// The text with every table's cells padded to its columns.
pub(super) fn aligned(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut table: Vec<&str> = Vec::new();
    let flush = |out: &mut String, table: &mut Vec<&str>| {
        // Writing to a string can't fail.
        let _ = write_table(out, &|take| table.iter().try_for_each(|line| take(line)));
        table.clear();
    };
    for line in text.lines() {
        if line.starts_with('|') {
            table.push(line);
        } else {
            flush(&mut out, &mut table);
            out.push_str(line);
            out.push('\n');
        }
    }
    flush(&mut out, &mut table);
    out
}

/// Writes a table whose lines are read twice: for how wide its columns are, and for what is in them.
pub(super) fn write_table(out: &mut dyn fmt::Write, lines: TableLines<'_>) -> fmt::Result {
    let mut widths: Vec<usize> = Vec::new();
    lines(&mut |line| {
        for (i, cell) in cells(line).iter().enumerate() {
            widths.resize(widths.len().max(i + 1), 0);
            widths[i] = widths[i].max(Some(cell.width()).filter(|wide| *wide <= WIDEST).unwrap_or(0));
        }
        Ok(())
    })?;
    let mut at = 0;
    lines(&mut |line| {
        let rule = at == 1;
        at += 1;
        for (i, cell) in cells(line).iter().enumerate() {
            let ragged = i + 1 == widths.len() && widths[i] > FIGURES;
            let pad = if ragged { 0 } else { widths[i].saturating_sub(cell.width()) };
            let filled = if rule { "-" } else { " " }.repeat(pad);
            write!(out, "| {cell}{filled} ")?;
        }
        out.write_str("|\n")
    })
}

/// The cells of a line after its first `|`. An escaped `|` is text.
fn cells(line: &str) -> Vec<&str> {
    let line = line.strip_prefix('|').unwrap_or(line);
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
