//! Themes: every shipped one is whole and readable, and each mistake has its place and word.

use super::depth::rgb;
use super::*;

#[test]
fn every_file_of_the_folder_ships_and_parses() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("themes");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(Theme::shipped(&name).is_some(), "{name} is not in the binary, or does not parse");
    }
}

#[test]
fn mistakes_are_refused_with_place_and_suggestion() {
    let dark = SHIPPED[0].1;
    let cases = [
        (dark.replace("\"good\" =", "\"godo\" ="), "`godo` is not a role", Some("good")),
        (dark.replace("fg = \"grey\" }", "fg = \"gray\" }"), "`gray` is not in [palette]", Some("grey")),
        (dark.replace("red = \"203\"", "red = \"crimson-ish\""), "is not a colour", None),
        (dark.replace("bold = true", "blod = true"), "`blod` is not part of a style", Some("bold")),
        (dark.replace("\"stale\" = { fg = \"grey\" }\n", ""), "gives no style to role `stale`", None),
        (dark.replace("[roles]", "[rolls]"), "`rolls` is not part of a theme", Some("roles")),
        ("name = \n".to_owned(), "", None),
    ];
    for (text, what, meant) in cases {
        let error = Theme::parse("t.toml", &text).unwrap_err();
        assert!(error.what.contains(what), "{error}");
        assert_eq!(error.meant.as_deref(), meant, "{error}");
        assert!(error.to_string().starts_with("t.toml:") && error.line > 0);
    }
}

fn luminance([r, g, b]: [u8; 3]) -> f64 {
    let part = |c: u8| match f64::from(c) / 255.0 {
        c if c <= 0.03928 => c / 12.92,
        c => ((c + 0.055) / 1.055).powf(2.4),
    };
    0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b)
}

#[test]
fn the_dark_theme_is_readable_in_256_colours() {
    let look = Look::new(Theme::shipped("dark").unwrap(), Depth::TwoFiftySix, false);
    for role in Role::ALL {
        // Lines and the empty part of a bar are not read.
        if matches!(role, Role::Rule | Role::BarRest | Role::Selected) {
            continue;
        }
        let style = look.style(*role);
        let ink = style.fg.and_then(rgb).unwrap_or([208; 3]);
        let paper = style.bg.and_then(rgb).unwrap_or([20; 3]);
        let (a, b) = (luminance(ink), luminance(paper));
        let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
        assert!(contrast >= 4.5, "{} has contrast {contrast:.1}", role.name());
    }
}

#[test]
fn a_selection_and_a_badge_survive_any_depth() {
    let theme = Theme::shipped("dark").unwrap();
    for depth in [Depth::Mono, Depth::Sixteen] {
        for role in [Role::Selected, Role::BadgeCritical, Role::Banner] {
            let style = depth.fit(theme.style(role));
            assert!(style.add_modifier.contains(Modifier::REVERSED), "{depth:?} {}", role.name());
        }
    }
    let colours = depth::Depth::detect(|name| (name == "NO_COLOR").then(|| "1".to_owned()));
    assert_eq!(colours, Depth::Mono);
}
