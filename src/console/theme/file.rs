//! A theme file, and those it inherits from, as a theme: `name`, `inherits`, `background`, `paint`, `[palette]`, `[roles]`.
//!
//! A palette of a heir changes the colours that its ancestors' roles name; a role that it writes replaces the ancestor's
//! whole. Words are checked in the file that says them, so that each mistake has its own place.

use std::collections::BTreeMap;
use std::str::FromStr;

use ratatui::style::{Color, Modifier};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Theme;
use super::color_depth::{Paint, PaintStyle, rgb};
use super::role::Role;
use crate::console::asset_files::AssetFile;
use crate::console::toml_source::{DataError, TomlSource};

const PARTS: [&str; 6] = ["name", "inherits", "background", "paint", "palette", "roles"];

/// A role's style in words of the palette.
#[derive(Clone, Debug, Default)]
struct Style {
    fg: Option<String>,
    bg: Option<String>,
    modifier: Modifier,
}

/// What the files have said so far.
#[derive(Debug, Default)]
struct ThemeDraft {
    name: String,
    background: Option<Color>,
    paint: bool,
    palette: BTreeMap<String, Paint>,
    styles: BTreeMap<Role, Style>,
}

/// Reads a theme from its lineage, the oldest first.
pub(super) fn read(pages: &[AssetFile]) -> Result<Theme, DataError> {
    let mut draft = ThemeDraft::default();
    for page in pages {
        draft.layer(page.source())?;
    }
    match pages.last() {
        Some(page) => draft.finish(page.source()),
        None => Err(TomlSource { file: "theme", text: "" }.error(0..0, "there is no theme to read")),
    }
}

impl ThemeDraft {
    fn layer(&mut self, source: TomlSource<'_>) -> Result<(), DataError> {
        let table = DeTable::parse(source.text).map_err(|error| source.syntax(&error))?;
        self.name = source.file.to_owned();
        let mut roles = None;
        for (key, value) in table.get_ref() {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("name", DeValue::String(text)) => self.name = text.to_string(),
                // Followed already.
                ("inherits", DeValue::String(_)) => {}
                ("background", DeValue::String(text)) => self.background = Some(background(source, text, value)?),
                ("paint", DeValue::Boolean(on)) => self.paint = *on,
                ("palette", DeValue::Table(table)) => self.palette.extend(read_palette(source, table)?),
                ("roles", DeValue::Table(table)) => roles = Some(table),
                (word, _) if PARTS.contains(&word) => {
                    return Err(source.error(value.span(), format!("`{word}` has the wrong kind of value")));
                }
                (word, _) => {
                    let what = format!("`{word}` is not part of a theme");
                    return Err(source.unknown(key.span(), what, word, PARTS));
                }
            }
        }
        if let Some(roles) = roles {
            self.read_roles(source, roles)?;
        }
        Ok(())
    }

    fn read_roles(&mut self, source: TomlSource<'_>, table: &DeTable<'_>) -> Result<(), DataError> {
        for (key, value) in table {
            let word = key.get_ref().as_ref();
            let Some(role) = Role::ALL.iter().find(|role| role.name() == word) else {
                let names = Role::ALL.iter().map(|role| role.name());
                return Err(source.unknown(key.span(), format!("`{word}` is not a role"), word, names));
            };
            let DeValue::Table(table) = value.get_ref() else {
                return Err(source.error(value.span(), "a role's style reads { fg = \"…\", bold = true }"));
            };
            let style = self.read_style(source, table)?;
            self.styles.insert(*role, style);
        }
        Ok(())
    }

    fn read_style(&self, source: TomlSource<'_>, table: &DeTable<'_>) -> Result<Style, DataError> {
        let mut style = Style::default();
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "fg" => style.fg = Some(self.word(source, value)?),
                "bg" => style.bg = Some(self.word(source, value)?),
                word @ ("bold" | "dim" | "italic" | "underline" | "reverse") => {
                    let DeValue::Boolean(on) = value.get_ref() else {
                        return Err(source.error(value.span(), format!("`{word}` is true or false")));
                    };
                    let modifier = match word {
                        "bold" => Modifier::BOLD,
                        "dim" => Modifier::DIM,
                        "italic" => Modifier::ITALIC,
                        "underline" => Modifier::UNDERLINED,
                        _ => Modifier::REVERSED,
                    };
                    style.modifier.set(modifier, *on);
                }
                word => {
                    let valid = ["fg", "bg", "bold", "dim", "italic", "underline", "reverse"];
                    return Err(source.unknown(key.span(), format!("`{word}` is not part of a style"), word, valid));
                }
            }
        }
        Ok(style)
    }

    fn word(&self, source: TomlSource<'_>, value: &Spanned<DeValue<'_>>) -> Result<String, DataError> {
        let DeValue::String(word) = value.get_ref() else {
            return Err(source.error(value.span(), "a colour is the name of one in [palette]"));
        };
        if self.palette.contains_key(word.as_ref()) {
            return Ok(word.to_string());
        }
        let names = self.palette.keys().map(String::as_str);
        Err(source.unknown(value.span(), format!("`{word}` is not in [palette]"), word, names))
    }

    fn finish(self, source: TomlSource<'_>) -> Result<Theme, DataError> {
        let roles = roles_at(source);
        let at = roles.clone().unwrap_or(0..0);
        if self.styles.is_empty() && roles.is_none() {
            return Err(source.error(at, "the theme has no [roles]; `inherits = \"dark\"` gives it some"));
        }
        if let Some(role) = Role::ALL.iter().find(|role| !self.styles.contains_key(role)) {
            let what = format!("the theme gives no style to role `{}`; `inherits = \"dark\"` would", role.name());
            return Err(source.error(at, what));
        }
        let Some(background) = self.background else {
            let what = "the theme does not say what `background` it is made for: background = \"#101010\"";
            return Err(source.error(at, what));
        };
        let find = |word: &Option<String>| word.as_ref().and_then(|word| self.palette.get(word)).copied();
        let ink = |style: &Style| PaintStyle { fg: find(&style.fg), bg: find(&style.bg), modifier: style.modifier };
        let styles: BTreeMap<Role, PaintStyle> = self.styles.iter().map(|(role, style)| (*role, ink(style))).collect();
        if self.paint && styles.get(&Role::Text).is_none_or(|text| text.fg.is_none()) {
            let what = "a theme that paints its background gives `text` a colour too: \"text\" = { fg = \"…\" }";
            return Err(source.error(at, what));
        }
        Ok(Theme { name: self.name, background: Paint::nearest(background), paints: self.paint, styles })
    }
}

/// Where a file's `[roles]` stands.
fn roles_at(source: TomlSource<'_>) -> Option<std::ops::Range<usize>> {
    let table = DeTable::parse(source.text).ok()?;
    table.get_ref().get_key_value("roles").map(|(key, _)| key.span())
}

fn background(source: TomlSource<'_>, text: &str, value: &Spanned<DeValue<'_>>) -> Result<Color, DataError> {
    let color = read_color(source, text, value)?;
    match rgb(color) {
        Some(_) => Ok(color),
        None => Err(source.error(value.span(), "contrast can't be measured on a colour that is not known")),
    }
}

fn read_color(source: TomlSource<'_>, text: &str, value: &Spanned<DeValue<'_>>) -> Result<Color, DataError> {
    let word = if text == "default" { "reset" } else { text };
    Color::from_str(word).map_err(|_| {
        let what = format!("`{text}` is not a colour: `#rrggbb`, a number to 255, or a name");
        source.unknown(value.span(), what, text, NAMES)
    })
}

/// The names of the sixteen, and of the terminal's own.
const NAMES: [&str; 17] = [
    "default",
    "black",
    "red",
    "green",
    "yellow",
    "blue",
    "magenta",
    "cyan",
    "gray",
    "darkgray",
    "lightred",
    "lightgreen",
    "lightyellow",
    "lightblue",
    "lightmagenta",
    "lightcyan",
    "white",
];

fn read_palette(source: TomlSource<'_>, table: &DeTable<'_>) -> Result<BTreeMap<String, Paint>, DataError> {
    let mut palette = BTreeMap::new();
    for (key, value) in table {
        let paint = match value.get_ref() {
            DeValue::String(text) => Paint::nearest(read_color(source, text, value)?),
            DeValue::Table(depths) => read_paint(source, depths, value.span())?,
            _ => {
                let what =
                    "a colour is `#rrggbb`, a number to 255, a name, or { rgb = \"…\", xterm = \"…\", ansi = \"…\" }";
                return Err(source.error(value.span(), what));
            }
        };
        palette.insert(key.get_ref().to_string(), paint);
    }
    Ok(palette)
}

/// A colour that is another where there are fewer: what is left out is the nearest.
fn read_paint(source: TomlSource<'_>, table: &DeTable<'_>, at: std::ops::Range<usize>) -> Result<Paint, DataError> {
    const DEPTHS: [&str; 3] = ["rgb", "xterm", "ansi"];
    let mut said: [Option<Color>; 3] = [None; 3];
    for (key, value) in table {
        let word = key.get_ref().as_ref();
        let Some(depth) = DEPTHS.iter().position(|known| *known == word) else {
            return Err(source.unknown(key.span(), format!("`{word}` is not a depth of colour"), word, DEPTHS));
        };
        let DeValue::String(text) = value.get_ref() else {
            return Err(source.error(value.span(), "a colour is a string"));
        };
        let color = read_color(source, text, value)?;
        let fits = match depth {
            1 => !matches!(color, Color::Rgb(..)),
            2 => !matches!(color, Color::Rgb(..) | Color::Indexed(_)),
            _ => true,
        };
        if !fits {
            let what = ["", "`xterm` is a number to 255", "`ansi` is one of the sixteen names, or `default`"][depth];
            return Err(source.error(value.span(), what));
        }
        said[depth] = Some(color);
    }
    let Some(full) = said[0].or(said[1]) else {
        return Err(source.error(at, "a colour needs `rgb` or `xterm`: the rest is found from it"));
    };
    let found = Paint::nearest(said[1].unwrap_or(full));
    Ok(Paint { full, xterm: found.xterm, ansi: said[2].unwrap_or(found.ansi) })
}
