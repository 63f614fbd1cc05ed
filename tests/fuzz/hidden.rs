//! The characters that no text on a screen, on stdout or in a message may hold: written down apart from the program's own list,
//! which is made of Unicode's categories, so that one can find what the other forgot.

/// Controls, and characters that hide text, turn it round, take no room, or mean something to one machine only. The joiner
/// and the two style selectors of emoji are text. Line feeds are controls; who allows them says so.
pub fn hides(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}' | '\u{200c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{10ffff}')
}

/// What a text holds of them, line feeds apart.
pub fn hidden(text: &str) -> Vec<char> {
    text.chars().filter(|c| hides(*c) && *c != '\n').collect()
}
