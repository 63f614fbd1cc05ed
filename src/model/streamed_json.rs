//! A JSON document with long lists in it, written as they come: the bytes are those of the whole document.

use std::fmt;

use serde_json::Value;

/// Gives the elements of the list of this name, one after the other.
pub type ListElements<'a> = &'a dyn Fn(&str, &mut dyn FnMut(&Value) -> fmt::Result) -> fmt::Result;

/// Writes a document, indented, whose members `lists` are read when they are written. No string of it has a NUL.
///
/// # Errors
/// What `out` or the elements say.
pub fn write_json(
    out: &mut dyn fmt::Write,
    mut document: Value,
    lists: &[&str],
    elements: ListElements<'_>,
) -> fmt::Result {
    for list in lists {
        document[*list] = Value::String(format!("\0{list}"));
    }
    let text = serde_json::to_string_pretty(&document).map_err(|_| fmt::Error)?;
    let mut pieces = text.split("\"\\u0000");
    out.write_str(pieces.next().unwrap_or_default())?;
    for piece in pieces {
        let (list, rest) = piece.split_once('"').ok_or(fmt::Error)?;
        let mut before = "[\n    ";
        elements(list, &mut |element| {
            let element = serde_json::to_string_pretty(element).map_err(|_| fmt::Error)?;
            out.write_str(std::mem::replace(&mut before, ",\n    "))?;
            // Inside strings line feeds are escaped.
            out.write_str(&element.replace('\n', "\n    "))
        })?;
        out.write_str(if before.starts_with('[') { "[]" } else { "\n  ]" })?;
        out.write_str(rest)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_in_pieces_is_what_the_whole_document_is() {
        let list = [json!({"z": [1, {"a": "x\ny\""}], "b": {}}), json!("\\u0000"), json!([])];
        for items in [&list[..], &list[..1], &[]] {
            let whole = json!({"a": 1, "empty": [], "m": {"items": "\"items"}, "items": items, "z": null});
            let mut out = String::new();
            write_json(&mut out, whole.clone(), &["items", "empty"], &|name, take| {
                if name == "items" { items.iter().try_for_each(take) } else { Ok(()) }
            })
            .expect("written");
            assert_eq!(out, serde_json::to_string_pretty(&whole).expect("JSON"));
        }
    }
}
