//! Looks as data: a theme gives every [`Role`] a style; drawing names roles and never colours.
//!
//! `themes/*.toml` ship in the binary; a person may name a file of their own, which may inherit from one of those. A missing
//! or unknown role, a colour that is none, a palette name that is not there, a circle of inheritance: refused with file,
//! line, column and the nearest valid word.
//!
//! A theme is drawn on the terminal's own background unless it says `paint = true`; its `background` says what it is made
//! for, and is what its contrast is measured on.

pub mod color_depth;
pub mod contrast;
mod file;
pub mod role;

use std::collections::BTreeMap;

use ratatui::style::Style;

pub use self::color_depth::ColorDepth;
use self::color_depth::{Paint, PaintStyle};
pub use self::role::Role;
use super::asset_files::{AssetFile, AssetFiles, no_files};
use super::toml_source::DataError;

/// The themes in the binary: name and text.
pub const SHIPPED: [(&str, &str); 5] = [
    ("dark", include_str!("../../../themes/dark.toml")),
    ("light", include_str!("../../../themes/light.toml")),
    ("high-contrast", include_str!("../../../themes/high-contrast.toml")),
    ("colour-blind", include_str!("../../../themes/colour-blind.toml")),
    ("mono", include_str!("../../../themes/mono.toml")),
];

/// Where themes are, without any files.
pub const SHELF: AssetFiles<'static> =
    AssetFiles { what: "theme", folder: "themes", shipped: &SHIPPED, read: &no_files };

/// A checked theme. The default one has no colours and no weight at all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Theme {
    /// What the file calls itself, else its path; empty for the default one.
    pub name: String,
    /// What it is made for.
    pub background: Paint,
    /// Whether it paints that background itself.
    pub paints: bool,
    styles: BTreeMap<Role, PaintStyle>,
}

impl Theme {
    /// Reads a theme file that inherits from the binary's at most.
    ///
    /// # Errors
    /// At the first mistake, with its place.
    pub fn parse(file: &str, text: &str) -> Result<Self, DataError> {
        Self::read(AssetFile { file: file.to_owned(), text: text.to_owned() }, &SHELF)
    }

    /// Reads a theme file and those it inherits from.
    ///
    /// # Errors
    /// At the first mistake, with its place.
    pub fn read(page: AssetFile, shelf: &AssetFiles<'_>) -> Result<Self, DataError> {
        file::read(&shelf.lineage(page)?)
    }

    /// A theme of the binary.
    pub fn shipped(name: &str) -> Option<Self> {
        Self::read(SHELF.shipped(name)?, &SHELF).ok()
    }

    /// The look of a role.
    pub fn ink(&self, role: Role) -> PaintStyle {
        self.styles.get(&role).copied().unwrap_or_default()
    }
}

/// A theme as one terminal shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    theme: Theme,
    depth: ColorDepth,
    /// Only ASCII reaches the screen.
    pub ascii: bool,
    /// What is taken instead when the terminal says that its background is light.
    light: Option<Theme>,
}

impl Look {
    /// A theme on a terminal.
    pub fn new(theme: Theme, depth: ColorDepth, ascii: bool) -> Self {
        Self { theme, depth, ascii, light: None }
    }

    /// Another theme for a light background: the terminal is asked which it has.
    #[must_use]
    pub fn or_on_light(self, light: Theme) -> Self {
        Self { light: Some(light), ..self }
    }

    /// Whether the terminal is to be asked for its background.
    pub fn asks(&self) -> bool {
        self.light.is_some()
    }

    /// The terminal has answered, or has not in time: from here on the theme stays. Whether it is another than before.
    pub fn answered(&mut self, background: Option<[u8; 3]>) -> bool {
        match self.light.take() {
            Some(light) if background.is_some_and(contrast::is_light) => {
                self.theme = light;
                true
            }
            _ => false,
        }
    }

    /// The style of a role on this terminal.
    pub fn style(&self, role: Role) -> Style {
        self.depth.fit(self.theme.ink(role))
    }

    /// What lies below everything: nothing, unless the theme paints.
    pub fn base(&self) -> Style {
        if !self.theme.paints {
            return Style::default();
        }
        let text = self.theme.ink(Role::Text);
        let fg = text.fg.and_then(|it| self.depth.color(it));
        Style { fg, bg: self.depth.color(self.theme.background), ..Style::default() }
    }

    /// The background that it is drawn on, as far as the theme knows, for pictures.
    pub fn paper(&self) -> [u8; 3] {
        color_depth::rgb(self.theme.background.full).unwrap_or_default()
    }

    /// The name of its theme.
    pub fn name(&self) -> &str {
        &self.theme.name
    }

    /// Whether the locale asks for ASCII: C or POSIX, or none at all.
    pub fn wants_ascii(get: impl Fn(&str) -> Option<String>) -> bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| get(name).filter(|v| !v.is_empty()));
        locale.is_none_or(|locale| locale == "C" || locale == "POSIX")
    }
}

#[cfg(test)]
mod tests;
