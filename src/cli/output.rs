//! What commands print: data to stdout as JSON with its schema or as tables aligned by display width, talk to stderr.
//!
//! A reader that goes away (`| head`) is no error: nobody is left to tell.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::error::CliError;
use crate::model::clean;

/// Between two columns.
const GAP: &str = "  ";
/// A cell is padded to at most this; one very long cell must not push the others off the screen.
const WIDEST: usize = 60;

/// Whether anyone still reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PipeReader {
    /// All of it was written; more may follow.
    Here,
    /// The pipe is closed: stop, and end well.
    Gone,
}

/// Writes data to stdout and flushes it.
///
/// # Errors
/// If stdout can't be written, a closed pipe excepted.
pub fn print(text: &str) -> io::Result<PipeReader> {
    write_to(&mut io::stdout().lock(), text)
}

/// Writes talk to stderr, one line feed after it. Nothing can be done if that fails. Talk quotes files, paths and errors of
/// others, so each of its lines is cleaned.
pub fn say(text: &str) {
    let lines: Vec<_> = text.split('\n').map(clean::text).collect();
    let _ = writeln!(io::stderr().lock(), "{}", lines.join("\n"));
}

/// [`print`] to any writer.
///
/// # Errors
/// As [`print`].
pub fn write_to(out: &mut impl Write, text: &str) -> io::Result<PipeReader> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(PipeReader::Here),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(PipeReader::Gone),
        Err(error) => Err(error),
    }
}

#[derive(Serialize)]
struct Document<'a, T: Serialize> {
    schema: &'a str,
    #[serde(flatten)]
    value: &'a T,
}

/// A whole document: `schema` first, then the value's own members. The value must be an object.
///
/// # Errors
/// If the value is no object, or can't be written as JSON.
pub fn json<T: Serialize>(schema: &str, value: &T) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(&Document { schema, value })?;
    text.push('\n');
    Ok(text)
}

/// The same on one line, for streams.
///
/// # Errors
/// As [`json`].
pub fn json_line<T: Serialize>(schema: &str, value: &T) -> serde_json::Result<String> {
    let mut text = serde_json::to_string(&Document { schema, value })?;
    text.push('\n');
    Ok(text)
}

/// A table: left-aligned columns, two spaces between them, no line ends in spaces. Empty if there are no rows and no head.
pub fn table<R: AsRef<[String]>>(head: &[&str], rows: &[R]) -> String {
    let mut out = String::new();
    // Writing to a string can't fail.
    let _ = write_table(&mut out, head, &|take| rows.iter().try_for_each(|row| take(row.as_ref())));
    out
}

/// Gives the rows of a table, each time the same.
type TableRows<'a> = &'a dyn Fn(&mut dyn FnMut(&[String]) -> fmt::Result) -> fmt::Result;

/// [`table`] of rows that are read twice: for how wide its columns are, and for what is in them.
///
/// # Errors
/// What `out` or the rows say.
pub fn write_table(out: &mut dyn fmt::Write, head: &[&str], rows: TableRows<'_>) -> fmt::Result {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.width().min(WIDEST)).collect();
    rows(&mut |row| {
        for (column, cell) in row.iter().enumerate() {
            widths.resize(widths.len().max(column + 1), 0);
            widths[column] = widths[column].max(cell.width()).min(WIDEST);
        }
        Ok(())
    })?;
    if head.iter().any(|cell| !cell.is_empty()) {
        out.write_str(&line(head.iter().copied(), &widths))?;
    }
    rows(&mut |row| out.write_str(&line(row.iter().map(String::as_str), &widths)))
}

fn line<'a>(cells: impl Iterator<Item = &'a str>, widths: &[usize]) -> String {
    let mut out = String::new();
    for (cell, width) in cells.zip(widths) {
        out.push_str(cell);
        out.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width())));
        out.push_str(GAP);
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

/// Text on its way out, with what went wrong.
struct TextWriter<W: Write> {
    out: W,
    failed: Option<io::Error>,
}

impl<W: Write> fmt::Write for TextWriter<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.out.write_all(text.as_bytes()).map_err(|error| {
            self.failed = Some(error);
            fmt::Error
        })
    }
}

/// What writes a long text, piece by piece.
type WriteText<'a> = &'a dyn Fn(&mut dyn fmt::Write) -> fmt::Result;

/// Writes a text as it comes. An error of its maker, which `out` knows nothing of, is inside.
fn write_through(out: impl Write, text: WriteText<'_>) -> io::Result<fmt::Result> {
    let mut writer = TextWriter { out: io::BufWriter::new(out), failed: None };
    let made = text(&mut writer);
    match writer.failed {
        Some(error) => Err(error),
        None => writer.out.flush().map(|()| made),
    }
}

/// Prints a long text as it comes.
///
/// # Errors
/// If stdout can't be written, a closed pipe excepted. An error of the text's maker is inside.
pub fn print_through(text: WriteText<'_>) -> io::Result<fmt::Result> {
    match write_through(io::stdout().lock(), text) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Ok(())),
        written => written,
    }
}

/// Writes a file whole or not at all.
pub fn write_file(file: &Path, text: &str) -> Result<(), CliError> {
    write_file_through(file, &|out| out.write_str(text)).map(|_| ())
}

/// Writes a file whole or not at all, as its text comes. An error of the text's maker is inside.
pub fn write_file_through(file: &Path, text: WriteText<'_>) -> Result<fmt::Result, CliError> {
    let wrong = |error: io::Error| CliError::Other(format!("can't write {}: {error}", file.display()));
    let there = match std::fs::metadata(file) {
        // A device, a pipe or a folder is never replaced by a file: it takes the text, or says why not.
        Ok(there) if !there.is_file() => {
            let out = OpenOptions::new().write(true).open(file);
            return out.and_then(|out| write_through(out, text)).map_err(wrong);
        }
        there => there.ok(),
    };
    // What a link names is replaced, and not the link.
    let file = if there.is_some() { std::fs::canonicalize(file).map_err(wrong)? } else { file.to_owned() };
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let beside = file.with_file_name(format!(".{name}.{}", std::process::id()));
    let out = OpenOptions::new().write(true).create_new(true).open(&beside).map_err(wrong)?;
    let placed = (|| {
        if let Some(there) = there {
            out.set_permissions(there.permissions())?;
        }
        let made = write_through(out, text)?;
        if made.is_ok() {
            std::fs::rename(&beside, &file)?;
        }
        Ok(made)
    })();
    if !matches!(placed, Ok(Ok(()))) {
        let _ = std::fs::remove_file(&beside);
    }
    placed.map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect()
    }

    #[test]
    fn a_file_is_replaced_whole_and_what_is_no_file_never() {
        use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
        let dir = tempfile::tempdir().expect("a directory");
        let (file, link) = (dir.path().join("f"), dir.path().join("l"));
        std::fs::write(&file, "a longer text than the next").expect("written");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("its mode");
        symlink(&file, &link).expect("linked");
        write_file(&link, "new").expect("written");
        assert_eq!(std::fs::read_to_string(&file).expect("read"), "new");
        assert_eq!(std::fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
        assert!(std::fs::symlink_metadata(&link).expect("there").is_symlink());

        let failed = write_file_through(&file, &|_| Err(fmt::Error)).expect("nothing is wrong with the file");
        assert!(failed.is_err());
        assert_eq!(std::fs::read_to_string(&file).expect("read"), "new", "nothing of a text that broke off");

        // Not `/dev/null` itself: a test that fails must not take it away.
        let pipe = dir.path().join("p");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || std::fs::read_to_string(pipe).expect("read")
        });
        write_file(&pipe, "to a pipe").expect("written");
        assert_eq!(reader.join().expect("read"), "to a pipe");
        assert!(std::fs::metadata(&pipe).expect("there").file_type().is_fifo());
        assert!(write_file(dir.path(), "x").is_err());
        assert_eq!(std::fs::read_dir(dir.path()).expect("a folder").count(), 3, "nothing is left beside");
    }

    #[test]
    fn columns_align_by_what_is_seen_not_by_bytes_or_characters() {
        let text = table(&["NAME", "STATE"], &rows(&[&["shop", "ok"], &["商店", "warnung"], &["é", ""]]));
        assert_eq!(text, "NAME  STATE\nshop  ok\n商店  warnung\né\n");
    }

    #[test]
    fn a_very_long_cell_does_not_widen_its_column_beyond_reason() {
        let long = "x".repeat(500);
        let text = table(&["A", "B"], &rows(&[&[&long, "b"], &["a", "b"]]));
        assert!(text.lines().nth(2).expect("a line").len() < 70);
        assert!(text.contains(&format!("{long}  b")), "nothing is cut");
    }

    #[test]
    fn a_table_without_a_head_has_no_empty_line() {
        assert_eq!(table(&["", ""], &rows(&[&["a", "b"]])), "a  b\n");
        assert_eq!(table::<Vec<String>>(&[], &[]), "");
    }

    #[test]
    fn json_begins_with_its_schema_and_only_objects_have_one() {
        let text = json("warroom/x/v1", &serde_json::json!({"rows": [1]})).expect("json");
        assert!(text.starts_with("{\n  \"schema\": \"warroom/x/v1\",\n"), "{text}");
        assert_eq!(json_line("s", &serde_json::json!({"a": 1})).expect("json"), "{\"schema\":\"s\",\"a\":1}\n");
        assert!(json("s", &[1, 2]).is_err());
    }

    /// A writer whose reader has gone, or that is full.
    struct FailingWriter(io::ErrorKind);

    impl Write for FailingWriter {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_error_but_a_full_disk_is() {
        assert_eq!(write_to(&mut FailingWriter(io::ErrorKind::BrokenPipe), "x").expect("no error"), PipeReader::Gone);
        assert!(write_to(&mut FailingWriter(io::ErrorKind::StorageFull), "x").is_err());
    }
}
