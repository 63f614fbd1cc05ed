//! Themes: every shipped one is whole and readable at every depth, and each mistake has its place and word.

use std::path::Path;

use ratatui::style::{Color, Modifier};

use super::color_depth::rgb;
use super::contrast::{LEAST, contrast};
use super::*;

const DEPTHS: [ColorDepth; 3] = [ColorDepth::True, ColorDepth::TwoFiftySix, ColorDepth::Sixteen];

fn shipped() -> impl Iterator<Item = Theme> {
    SHIPPED.iter().map(|(name, _)| Theme::shipped(name).unwrap())
}

#[test]
fn every_file_of_the_folder_ships_and_parses() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("themes");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let page = SHELF.shipped(&name).unwrap_or_else(|| panic!("{name} is not in the binary"));
        match Theme::read(page, &SHELF) {
            Ok(theme) => assert_eq!(theme.name, name),
            Err(error) => panic!("{error}"),
        }
        files += 1;
    }
    assert_eq!(files, SHIPPED.len());
}

#[test]
fn mistakes_are_refused_with_place_and_suggestion() {
    let dark = SHIPPED[0].1;
    let heir = |rest: &str| format!("inherits = \"dark\"\n{rest}");
    let cases = [
        (dark.replace("\"good\" =", "\"godo\" ="), "`godo` is not a role", Some("good")),
        (dark.replace("fg = \"grey\" }", "fg = \"gray\" }"), "`gray` is not in [palette]", Some("grey")),
        (dark.replace("\"lightred\"", "\"lightrde\""), "`lightrde` is not a colour", Some("lightred")),
        (dark.replace("bold = true", "blod = true"), "`blod` is not part of a style", Some("bold")),
        (dark.replace("\"stale\" = { fg = \"grey\" }\n", ""), "gives no style to role `stale`", None),
        (dark.replace("[roles]", "[rolls]"), "`rolls` is not part of a theme", Some("roles")),
        (dark.replace("background = \"#14161a\"", ""), "does not say what `background`", None),
        (dark.replace("background = \"#14161a\"", "background = \"default\""), "contrast can't be measured", None),
        ("name = \n".to_owned(), "", None),
        ("inherits = \"drak\"".to_owned(), "there is no theme called `drak`", Some("dark")),
        ("name = \"x\"".to_owned(), "has no [roles]", None),
        (heir("paint = true"), "gives `text` a colour", None),
        (heir("paint = 1"), "`paint` has the wrong kind", None),
        (heir("[palette]\nred = { ansi = \"red\" }"), "needs `rgb` or `xterm`", None),
        (heir("[palette]\nred = { xterm = \"#ff0000\" }"), "`xterm` is a number", None),
        (heir("[palette]\nred = { xtrm = \"9\" }"), "`xtrm` is not a depth", Some("xterm")),
        (heir("[palette]\nred = { rgb = \"9\", ansi = \"9\" }"), "`ansi` is one of the sixteen", None),
        (heir("[roles]\n\"good\" = { fg = \"lime\" }"), "`lime` is not in [palette]", Some("line")),
    ];
    for (text, what, meant) in cases {
        let error = Theme::parse("t.toml", &text).unwrap_err();
        assert!(error.what.contains(what), "{error}");
        assert_eq!(error.meant.as_deref(), meant, "{error}");
        assert!(error.to_string().starts_with("t.toml:") && error.line > 0);
    }
}

#[test]
fn an_heir_changes_what_it_says_and_keeps_the_rest() {
    let text =
        "name = \"mine\"\ninherits = \"dark\"\n[palette]\nred = \"#ff0000\"\n[roles]\n\"good\" = { bold = true }";
    let (mine, dark) = (Theme::parse("my.toml", text).unwrap(), Theme::shipped("dark").unwrap());
    assert_eq!(mine.ink(Role::Critical).fg.unwrap().full, Color::Rgb(255, 0, 0), "through the ancestor's role");
    assert_eq!((mine.ink(Role::Good).fg, mine.ink(Role::Good).modifier), (None, Modifier::BOLD));
    assert_eq!((mine.ink(Role::Warning), mine.background), (dark.ink(Role::Warning), dark.background));
}

/// Lines, and the empty part of a bar, are not read.
fn is_read(role: Role) -> bool {
    !matches!(role, Role::Rule | Role::BarRest | Role::Selected)
}

/// The colours of a style as an eye gets them; `None` where the terminal's own ink is left alone.
fn seen(look: &Look, role: Role, paper: [u8; 3]) -> Option<([u8; 3], [u8; 3])> {
    let style = look.base().patch(look.style(role));
    let (ink, own) = (style.fg.and_then(rgb), style.bg.and_then(rgb).unwrap_or(paper));
    if style.add_modifier.contains(Modifier::REVERSED) { ink.map(|ink| (own, ink)) } else { ink.map(|ink| (ink, own)) }
}

#[test]
fn every_text_of_every_theme_can_be_read_at_every_depth() {
    for theme in shipped() {
        let paper = rgb(theme.background.full).unwrap();
        let least = if theme.name == "high-contrast" { 7.0 } else { LEAST };
        for depth in DEPTHS {
            let look = Look::new(theme.clone(), depth, false);
            let mut measured = 0;
            for role in Role::ALL.iter().copied().filter(|role| is_read(*role)) {
                let Some((ink, paper)) = seen(&look, role, paper) else { continue };
                measured += 1;
                // The sixteen are what the terminal makes of them; xterm's red on black is the best there is.
                let least = if depth == ColorDepth::Sixteen { LEAST } else { least };
                let got = contrast(ink, paper);
                assert!(got >= least, "{} {depth:?}: {} has contrast {got:.2}", theme.name, role.name());
            }
            assert!(measured > 6 || theme.name == "mono", "{} {depth:?}: {measured} roles", theme.name);
        }
    }
}

#[test]
fn lines_can_be_seen_on_the_background_of_every_theme() {
    for theme in shipped() {
        let paper = rgb(theme.background.full).unwrap();
        for depth in DEPTHS {
            let look = Look::new(theme.clone(), depth, false);
            for role in [Role::Rule, Role::BarRest] {
                let Some((ink, paper)) = seen(&look, role, paper) else { continue };
                let got = contrast(ink, paper);
                assert!(got >= 1.5, "{} {depth:?}: {} has contrast {got:.2}", theme.name, role.name());
            }
        }
    }
}

#[test]
fn the_row_under_the_cursor_can_be_read_too() {
    for theme in shipped() {
        for depth in DEPTHS {
            let look = Look::new(theme.clone(), depth, false);
            let chosen = look.style(Role::Selected);
            let Some(paper) = chosen.bg.and_then(rgb) else {
                assert!(chosen.add_modifier.contains(Modifier::REVERSED), "{} {depth:?}", theme.name);
                continue;
            };
            for role in Role::ALL.iter().copied().filter(|role| is_read(*role)) {
                let style = look.base().patch(look.style(role));
                // A badge keeps its own background.
                let (Some(ink), None) = (style.fg.and_then(rgb), look.style(role).bg) else { continue };
                let got = contrast(ink, paper);
                assert!(got >= LEAST, "{} {depth:?}: {} has contrast {got:.2}", theme.name, role.name());
            }
        }
    }
}

#[test]
fn a_selection_and_a_badge_survive_any_depth() {
    for theme in shipped() {
        for depth in [ColorDepth::Mono, ColorDepth::Sixteen] {
            for role in [Role::Selected, Role::BadgeCritical, Role::Banner] {
                let style = depth.fit(theme.ink(role));
                assert!(style.add_modifier.contains(Modifier::REVERSED), "{} {depth:?} {}", theme.name, role.name());
            }
        }
        for role in Role::ALL {
            let style = ColorDepth::Mono.fit(theme.ink(*role));
            assert_eq!((style.fg, style.bg), (None, None), "{}: {} has a colour without any", theme.name, role.name());
        }
    }
}

#[test]
fn what_the_environment_says_of_colours() {
    let depth = |vars: &[(&str, &str)]| {
        ColorDepth::detect(|name| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    };
    assert_eq!(depth(&[("NO_COLOR", "0"), ("TERM", "xterm-256color")]), ColorDepth::Mono, "any value counts");
    assert_eq!(depth(&[("NO_COLOR", ""), ("TERM", "xterm-256color")]), ColorDepth::TwoFiftySix);
    assert_eq!(depth(&[("COLORTERM", "truecolor"), ("TERM", "xterm")]), ColorDepth::True);
    assert_eq!(depth(&[("TERM", "linux")]), ColorDepth::Sixteen);
    assert_eq!(depth(&[("TERM", "vt220")]), ColorDepth::Mono);
}

#[test]
fn the_theme_for_a_light_background_is_taken_once_and_only_on_one() {
    let look = || Look::new(Theme::shipped("dark").unwrap(), ColorDepth::TwoFiftySix, false);
    let both = || look().or_on_light(Theme::shipped("light").unwrap());
    for (answer, name) in [(Some([253, 246, 227]), "light"), (Some([0, 43, 54]), "dark"), (None, "dark")] {
        let mut look = both();
        assert!(look.asks());
        assert_eq!(look.answered(answer), name == "light");
        assert!(!look.asks() && look.name() == name);
        assert!(!look.answered(Some([255; 3])), "an answer that comes later changes nothing");
        assert_eq!(look.name(), name);
    }
    assert!(!look().asks());
}

/// How eyes without one kind of cone see linear light (Machado, Oliveira and Fernandes, 2009; severity 1).
const EYES: [(&str, [[f64; 3]; 3]); 3] = [
    ("protanopia", [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    (
        "deuteranopia",
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    ),
    ("tritanopia", [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]),
];

/// A colour as such an eye sees it, in CIELAB.
fn lab(eye: &[[f64; 3]; 3], color: [u8; 3]) -> [f64; 3] {
    let linear = color.map(|c| match f64::from(c) / 255.0 {
        c if c <= 0.04045 => c / 12.92,
        c => ((c + 0.055) / 1.055).powf(2.4),
    });
    let dot = |row: &[f64; 3], v: &[f64; 3]| row.iter().zip(v).map(|(a, b)| a * b).sum::<f64>();
    let l = [0, 1, 2].map(|i| dot(&eye[i], &linear).clamp(0.0, 1.0));
    let f = |t: f64| if t > 0.008856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
    let x = f(dot(&[0.4124, 0.3576, 0.1805], &l) / 0.9505);
    let y = f(dot(&[0.2126, 0.7152, 0.0722], &l));
    let z = f(dot(&[0.0193, 0.1192, 0.9505], &l) / 1.089);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// The two meanings that an eye finds most alike, and how far apart they are.
fn nearest_pair(theme: &Theme, depth: ColorDepth) -> (f64, String) {
    let roles = [Role::Critical, Role::Warning, Role::Good, Role::Drill, Role::Accent];
    let color = |role: Role| rgb(depth.fit(theme.ink(role)).fg.unwrap()).unwrap();
    let mut worst = (f64::MAX, String::new());
    for (name, eye) in &EYES {
        for (i, a) in roles.iter().enumerate() {
            for b in &roles[i + 1..] {
                let (x, y) = (lab(eye, color(*a)), lab(eye, color(*b)));
                let apart = x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt();
                if apart < worst.0 {
                    worst = (apart, format!("{name}: {} and {}", a.name(), b.name()));
                }
            }
        }
    }
    worst
}

#[test]
fn the_colour_blind_theme_keeps_meanings_apart_for_every_eye() {
    let safe = Theme::shipped("colour-blind").unwrap();
    for depth in [ColorDepth::True, ColorDepth::TwoFiftySix] {
        let (apart, which) = nearest_pair(&safe, depth);
        assert!(apart >= 20.0, "{depth:?}: {which} are only {apart:.1} apart");
    }
    let (usual, _) = nearest_pair(&Theme::shipped("dark").unwrap(), ColorDepth::TwoFiftySix);
    assert!(usual < 15.0, "the measure finds what it is made to find: {usual:.1}");
}
