//! Looks as data: a theme gives every [`Role`] a style; drawing names roles and never colours.
//!
//! `themes/*.toml` ship in the binary; a person may name a file of their own. A missing or unknown role, a colour that is
//! none, a palette name that is not there: refused with file, line, column and the nearest valid word.

pub mod depth;
pub mod role;

use std::collections::BTreeMap;
use std::str::FromStr;

use ratatui::style::{Color, Modifier, Style};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub use self::depth::Depth;
pub use self::role::Role;
use super::data::{DataError, Source};

/// The themes in the binary: name and text.
pub const SHIPPED: [(&str, &str); 2] =
    [("dark", include_str!("../../../themes/dark.toml")), ("mono", include_str!("../../../themes/mono.toml"))];

/// A checked theme.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    pub name: String,
    styles: BTreeMap<Role, Style>,
}

impl Theme {
    /// Reads a theme file.
    pub fn parse(file: &str, text: &str) -> Result<Self, DataError> {
        let source = Source { file, text };
        let table = DeTable::parse(text).map_err(|error| source.syntax(&error))?;
        let mut name = file.to_owned();
        let mut palette = BTreeMap::new();
        let mut roles = None;
        for (key, value) in table.get_ref() {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("name", DeValue::String(text)) => name = text.to_string(),
                ("palette", DeValue::Table(table)) => palette = read_palette(source, table)?,
                ("roles", DeValue::Table(table)) => roles = Some((table, key.span())),
                (word @ ("name" | "palette" | "roles"), _) => {
                    return Err(source.error(value.span(), format!("`{word}` has the wrong kind of value")));
                }
                (word, _) => {
                    let what = format!("`{word}` is not part of a theme");
                    return Err(source.unknown(key.span(), what, word, ["name", "palette", "roles"]));
                }
            }
        }
        let (roles, at) = roles.ok_or_else(|| source.error(0..0, "the theme has no [roles]"))?;
        let styles = read_roles(source, roles, &palette)?;
        for role in Role::ALL {
            if !styles.contains_key(role) {
                return Err(source.error(at, format!("the theme gives no style to role `{}`", role.name())));
            }
        }
        Ok(Self { name, styles })
    }

    /// A theme of the binary.
    pub fn shipped(name: &str) -> Option<Self> {
        let (name, text) = SHIPPED.into_iter().find(|(known, _)| *known == name)?;
        Self::parse(&format!("themes/{name}.toml"), text).ok()
    }

    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(&role).copied().unwrap_or_default()
    }
}

/// A theme as one terminal shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    theme: Theme,
    depth: Depth,
    /// Only ASCII reaches the screen.
    pub ascii: bool,
}

impl Look {
    /// A theme on a terminal.
    pub fn new(theme: Theme, depth: Depth, ascii: bool) -> Self {
        Self { theme, depth, ascii }
    }

    /// The style of a role on this terminal.
    pub fn style(&self, role: Role) -> Style {
        self.depth.fit(self.theme.style(role))
    }

    /// Whether the locale asks for ASCII: C or POSIX, or none at all.
    pub fn wants_ascii(get: impl Fn(&str) -> Option<String>) -> bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| get(name).filter(|v| !v.is_empty()));
        locale.is_none_or(|locale| locale == "C" || locale == "POSIX")
    }
}

fn read_palette(source: Source<'_>, table: &DeTable<'_>) -> Result<BTreeMap<String, Color>, DataError> {
    let mut palette = BTreeMap::new();
    for (key, value) in table {
        let DeValue::String(text) = value.get_ref() else {
            return Err(source.error(value.span(), "a colour is a string: a name, `#rrggbb` or a number to 255"));
        };
        let color = Color::from_str(text).map_err(|_| {
            source.error(value.span(), format!("`{text}` is not a colour: a name, `#rrggbb` or a number to 255"))
        })?;
        palette.insert(key.get_ref().to_string(), color);
    }
    Ok(palette)
}

fn read_roles(
    source: Source<'_>,
    table: &DeTable<'_>,
    palette: &BTreeMap<String, Color>,
) -> Result<BTreeMap<Role, Style>, DataError> {
    let mut styles = BTreeMap::new();
    for (key, value) in table {
        let word = key.get_ref().as_ref();
        let Some(role) = Role::ALL.iter().find(|role| role.name() == word) else {
            let names = Role::ALL.iter().map(|role| role.name());
            return Err(source.unknown(key.span(), format!("`{word}` is not a role"), word, names));
        };
        let DeValue::Table(table) = value.get_ref() else {
            return Err(source.error(value.span(), "a role's style reads { fg = \"…\", bold = true }"));
        };
        styles.insert(*role, read_style(source, table, palette)?);
    }
    Ok(styles)
}

fn read_style(source: Source<'_>, table: &DeTable<'_>, palette: &BTreeMap<String, Color>) -> Result<Style, DataError> {
    let mut style = Style::default();
    for (key, value) in table {
        match key.get_ref().as_ref() {
            "fg" => style.fg = Some(read_color(source, value, palette)?),
            "bg" => style.bg = Some(read_color(source, value, palette)?),
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
                if *on {
                    style = style.add_modifier(modifier);
                }
            }
            word => {
                let valid = ["fg", "bg", "bold", "dim", "italic", "underline", "reverse"];
                return Err(source.unknown(key.span(), format!("`{word}` is not part of a style"), word, valid));
            }
        }
    }
    Ok(style)
}

fn read_color(
    source: Source<'_>,
    value: &Spanned<DeValue<'_>>,
    palette: &BTreeMap<String, Color>,
) -> Result<Color, DataError> {
    let DeValue::String(word) = value.get_ref() else {
        return Err(source.error(value.span(), "a colour is the name of one in [palette]"));
    };
    palette.get(word.as_ref()).copied().ok_or_else(|| {
        source.unknown(value.span(), format!("`{word}` is not in [palette]"), word, palette.keys().map(String::as_str))
    })
}

#[cfg(test)]
mod tests;
