//! Cutting text to a width: names in the middle, sentences at the end, long sentences into lines.

use unicode_segmentation::UnicodeSegmentation;

use super::canvas::width;

/// Cuts a name in the middle: both ends of a name tell it apart.
pub fn middle(text: &str, max: u16) -> String {
    if width(text) <= max {
        return text.to_owned();
    }
    if max <= 1 {
        return "…".repeat(usize::from(max));
    }
    let room = max - 1;
    let tail_room = room / 2;
    let head = take(text.graphemes(true), room - tail_room);
    let tail: Vec<&str> = take_all(text.graphemes(true).rev(), tail_room);
    let tail: String = tail.into_iter().rev().collect();
    format!("{head}…{tail}")
}

/// Cuts a sentence at its end.
pub fn end(text: &str, max: u16) -> String {
    if width(text) <= max {
        return text.to_owned();
    }
    if max == 0 {
        return String::new();
    }
    // What was cut before has its sign already.
    format!("{}…", take(text.graphemes(true), max - 1).trim_end_matches([' ', '…']))
}

/// Breaks a sentence into lines of at most `max` cells.
pub fn wrap(text: &str, max: u16) -> Vec<String> {
    if max == 0 {
        return Vec::new();
    }
    // Only at spaces: names have hyphens, and a name in two halves can't be compared with another.
    let options = textwrap::Options::new(usize::from(max)).word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::wrap(text, options).into_iter().map(|line| line.into_owned()).collect()
}

fn take<'a>(graphemes: impl Iterator<Item = &'a str>, max: u16) -> String {
    take_all(graphemes, max).concat()
}

fn take_all<'a>(graphemes: impl Iterator<Item = &'a str>, max: u16) -> Vec<&'a str> {
    let mut used = 0;
    graphemes
        .take_while(|grapheme| {
            used += width(grapheme);
            used <= max
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_both_ends_and_sentences_their_beginning() {
        assert_eq!(middle("checkout-5d9c7f8b6-x2x4z", 12), "checko…x2x4z");
        assert_eq!(end("the primary is unreachable", 12), "the primary…");
        assert_eq!(middle("short", 5), "short");
        assert_eq!(end("not on am-1… am-2", 13), "not on am-1…", "one sign says that it was cut");
    }

    #[test]
    fn wide_characters_are_counted_in_cells() {
        for max in 0..12 {
            assert!(width(&middle("日本語日本語", max)) <= max, "{max}");
            assert!(width(&end("日本語日本語", max)) <= max, "{max}");
        }
    }
}
