//! Every relative link and every anchor of every page leads somewhere.

use std::collections::BTreeSet;
use std::path::Path;

use super::{pages, path, read};

/// The page without its blocks of code, where brackets are no links and `#` begins a comment.
fn prose(text: &str) -> String {
    let mut inside = false;
    let outside = |line: &&str| {
        let fence = line.trim_start().starts_with("```");
        inside ^= fence;
        !inside && !fence
    };
    text.lines().filter(outside).collect::<Vec<_>>().join("\n")
}

/// The targets of `[text](target)`.
fn targets(text: &str) -> Vec<String> {
    let rest = prose(text);
    rest.split("](").skip(1).filter_map(|it| it.split_once(')')).map(|(target, _)| target.to_owned()).collect()
}

/// The anchors that forges give to headings: small letters, digits, hyphens for spaces, and nothing of what else there is.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for heading in prose(text).lines().filter(|line| line.starts_with('#')) {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        // The second heading of the same words gets a number.
        let again = (1..).map(|n| format!("{anchor}-{n}"));
        let free = std::iter::once(anchor.clone()).chain(again).find(|it| !found.contains(it));
        found.extend(free);
    }
    found
}

/// Why a link of a page leads nowhere, if it does.
fn broken(page: &str, target: &str) -> Option<String> {
    if target.contains("://") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let beside = Path::new(page).parent().expect("a folder");
    let file = if file.is_empty() { page.to_owned() } else { beside.join(file).to_string_lossy().into_owned() };
    if !path(&file).exists() {
        return Some(format!("{page}: {target}: there is no {file}"));
    }
    let missing = !anchor.is_empty() && !anchors(&read(&file)).contains(anchor);
    missing.then(|| format!("{page}: {target}: {file} has no such heading"))
}

#[test]
fn every_link_and_anchor_of_every_page_leads_somewhere() {
    let mut nowhere = Vec::new();
    let mut seen = 0;
    for page in pages() {
        let links = targets(&read(&page));
        seen += links.len();
        nowhere.extend(links.iter().filter_map(|target| broken(&page, target)));
    }
    assert!(seen > 40, "{seen} links were found");
    assert!(nowhere.is_empty(), "links that lead nowhere:\n{}", nowhere.join("\n"));
}

/// Whoever opens the README finds every page from there.
#[test]
fn the_readme_leads_to_every_page() {
    let named = targets(&read("README.md"));
    let reached = |page: &str| named.iter().any(|link| link.split('#').next() == Some(page));
    let missing: Vec<String> = pages().into_iter().filter(|page| page != "README.md" && !reached(page)).collect();
    assert!(missing.is_empty(), "the README does not lead to {missing:?}");
}

#[test]
fn links_and_anchors_are_read_as_forges_do() {
    let page = "# One\n[a](#one) ![b](x.svg)\n```sh\n# no heading [c](d)\n```\n## What's `new`, here\n## One\n";
    assert_eq!(targets(page), ["#one", "x.svg"]);
    assert_eq!(anchors(page).into_iter().collect::<Vec<_>>(), ["one", "one-1", "whats-new-here"]);
    assert!(broken("docs/keys.md", "../README.md#warroom").is_none() && broken("README.md", "#warroom").is_none());
    assert!(broken("docs/keys.md", "README.md").is_some() && broken("README.md", "docs/keys.md#nowhere").is_some());
}
