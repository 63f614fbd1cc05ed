//! What an application runs and is asked to run, and how that differs between two sides.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{SafeText, Stamp};
use super::{App, GitSource};

/// The release of one application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Release<'a> {
    /// What it is asked to follow: a branch, tag, version or commit; of several sources, one after the other.
    pub wanted: &'a str,
    /// What it was brought to, or compared with last.
    pub live: &'a str,
    /// What was deployed last. Where many applications share a repository, its commits come and change nothing of this one.
    pub deployed: &'a str,
    /// When that was, by the clock of the cluster; the board takes its skew off.
    pub deployed_at: Option<Stamp>,
    /// The images that run, with registry and tag or digest; empty for Flux, which lists none.
    pub images: &'a [SafeText],
}

impl<'a> Release<'a> {
    /// Of an application; Flux writes what it follows into its source.
    pub fn of(app: &'a App, source: Option<&'a GitSource>) -> Self {
        let wanted = match (&app.flux, source) {
            (None, _) => app.target_revision.as_str(),
            (Some(_), Some(source)) => source.wanted.as_str(),
            (Some(_), None) => "",
        };
        let deployed = app.deployed.as_ref();
        Self {
            wanted,
            live: app.revision.as_str(),
            deployed: deployed.map_or("", |it| it.revision.as_str()),
            deployed_at: deployed.and_then(|it| it.at),
            images: &app.images,
        }
    }

    /// As people say it: a version, or a commit with the branch that it is from.
    pub fn words(&self) -> String {
        if is_pinned(self.wanted) { self.wanted.to_owned() } else { self.words_of_live() }
    }

    fn words_of_live(&self) -> String {
        match (self.wanted, short_revision(self.live)) {
            (wanted, live) if live.is_empty() => wanted.to_owned(),
            ("", live) => live,
            (wanted, live) if live.starts_with(wanted) || is_pinned(self.live) && !is_commit(self.live) => live,
            (wanted, live) => format!("{wanted} ({live})"),
        }
    }

    /// How it differs from another: what this one is at, and what the other is at. `None` if both run and ask for the
    /// same, or if the same images run although each side follows a branch of its own.
    pub fn differs_from(&self, other: &Self) -> Option<(String, String)> {
        let told = |one: String, two: String| {
            // A tag that was moved is the same word for two things.
            let same_word = one == two;
            let exact = |it: &Self| format!("{} ({})", it.wanted, short_revision(it.live));
            Some(if same_word { (exact(self), exact(other)) } else { (one, two) })
        };
        let asked = !self.wanted.is_empty() && !other.wanted.is_empty() && self.wanted != other.wanted;
        if asked && is_pinned(self.wanted) && is_pinned(other.wanted) {
            return told(self.words(), other.words());
        }
        let images = self.other_images(other);
        let same = same_revision(self.live, other.live) || same_revision(self.deployed, other.deployed);
        match images {
            Some(Some(differ)) if same => Some(differ),
            Some(None) if asked && !is_pinned(self.wanted) && !is_pinned(other.wanted) => None,
            _ if same => None,
            _ => told(self.words(), other.words()),
        }
    }

    /// `None` = one side lists no image that the other has too; `Some(None)` = the same run.
    #[allow(clippy::option_option, reason = "not known, none, and which are three answers")]
    fn other_images(&self, other: &Self) -> Option<Option<(String, String)>> {
        let (ours, theirs) = (versions(self.images), versions(other.images));
        let mut known = false;
        for (name, ours) in &ours {
            let Some(theirs) = theirs.get(name) else { continue };
            // A digest says nothing about a tag.
            let form = |of: &BTreeSet<&str>| of.first().map(|it| it.starts_with('@'));
            if form(ours) != form(theirs) {
                continue;
            }
            known = true;
            // While one is replaced by the next, both are listed.
            if ours.is_disjoint(theirs) {
                let words =
                    |of: &BTreeSet<&str>| of.iter().map(|it| format!("{name}{it}")).collect::<Vec<_>>().join(", ");
                return Some(Some((words(ours), words(theirs))));
            }
        }
        known.then_some(None)
    }
}

/// The versions of each image by its name without registry and path: a mirror is another place for the same thing.
fn versions(images: &[SafeText]) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut out: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for image in images {
        let name = image.as_str().rsplit('/').next().unwrap_or_default();
        let at = name.find(['@', ':']).unwrap_or(name.len());
        let (name, version) = name.split_at(at);
        out.entry(name).or_default().insert(version);
    }
    out.retain(|_, versions| {
        versions.iter().all(|it| it.starts_with(':')) || versions.iter().all(|it| it.starts_with('@'))
    });
    out
}

fn same_revision(one: &str, other: &str) -> bool {
    !one.is_empty() && (one == other || (!digest(one).is_empty() && digest(one) == digest(other)))
}

/// The commit or digest in `main@sha1:abc…`; empty if there is none.
fn digest(revision: &str) -> &str {
    match revision.rsplit_once(':') {
        Some((_, digest)) => digest,
        None if is_commit(revision) => revision,
        None => "",
    }
}

fn is_commit(text: &str) -> bool {
    text.len() >= 40 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Whether some word of it can mean one release only: a version or a commit, and no branch and no range.
fn is_pinned(wanted: &str) -> bool {
    let version = |word: &str| {
        let digits = word.strip_prefix('v').unwrap_or(word);
        digits.starts_with(|c: char| c.is_ascii_digit())
            && digits.contains('.')
            && digits.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '_'))
            && !digits.split('.').any(|part| part == "x" || part == "X")
    };
    wanted.split(' ').any(|word| version(word) || is_commit(word))
}

/// A revision with its digests cut to what people compare: `main@abcdef0`, `abcdef0`, `6.5.0`.
pub fn short_revision(revision: &str) -> String {
    revision.split(' ').map(short_word).collect::<Vec<_>>().join(" ")
}

fn short_word(revision: &str) -> String {
    let cut = |digest: &str| digest.chars().take(7).collect::<String>();
    match revision.rsplit_once(':') {
        Some((name, digest)) => match name.rsplit_once('@') {
            Some((name, _)) if !name.is_empty() => format!("{name}@{}", cut(digest)),
            _ => cut(digest),
        },
        None if is_commit(revision) => cut(revision),
        None => revision.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn release<'a>(wanted: &'a str, live: &'a str, images: &'a [SafeText]) -> Release<'a> {
        Release { wanted, live, images, ..Release::default() }
    }

    fn differ(dr: &Release<'_>, primary: &Release<'_>) -> Option<String> {
        dr.differs_from(primary).map(|(ours, theirs)| format!("{ours}, primary {theirs}"))
    }

    #[test]
    fn releases_are_compared_by_what_is_asked_for_and_by_what_runs() {
        let oci_a = format!("6.5.0@sha256:{A}");
        let flux_a = format!("main@sha1:{A}");
        let flux_b = format!("main@sha1:{B}");
        let several = (format!("1.2.3 {A}"), format!("1.2.3 {B}"));
        for (dr, primary, says) in [
            (("main", A), ("main", A), None),
            (("v1.4.0", B), ("v1.9.0", A), Some("v1.4.0, primary v1.9.0")),
            // One commit has two tags, or a status is from before: what is asked for differs.
            (("v1.4.0", A), ("v1.9.0", A), Some("v1.4.0, primary v1.9.0")),
            (("v1.9.0", B), ("v1.9.0", A), Some("v1.9.0 (bbbbbbb), primary v1.9.0 (aaaaaaa)")),
            (("main", B), ("main", A), Some("main (bbbbbbb), primary main (aaaaaaa)")),
            (("main", &flux_b), ("main", &flux_a), Some("main@bbbbbbb, primary main@aaaaaaa")),
            (("main", &flux_a), ("main", &flux_a), None),
            (("env/dr", A), ("env/primary", A), None),
            (("env/dr", B), ("env/primary", A), Some("env/dr (bbbbbbb), primary env/primary (aaaaaaa)")),
            (("1.x", "1.2.3"), ("1.x", "1.2.4"), Some("1.2.3, primary 1.2.4")),
            (("1.x", "1.2.3"), ("1.2.3", "1.2.3"), None),
            (("", &oci_a), ("", &oci_a), None),
            (("1.2.3 main", &several.0), ("1.2.3 main", &several.0), None),
            (
                ("1.2.3 main", &several.1),
                ("1.2.3 main", &several.0),
                Some("1.2.3 main (1.2.3 bbbbbbb), primary 1.2.3 main (1.2.3 aaaaaaa)"),
            ),
            (("main", ""), ("main", A), Some("main, primary main (aaaaaaa)")),
        ] {
            let found = differ(&release(dr.0, dr.1, &[]), &release(primary.0, primary.1, &[]));
            assert_eq!(found.as_deref(), says, "{dr:?} {primary:?}");
        }
    }

    #[test]
    fn images_tell_what_revisions_can_not() {
        let images = |all: &[&str]| all.iter().map(|it| SafeText::new(it)).collect::<Vec<_>>();
        let (old, new) = (images(&["r.dr/x/web:1.4.0", "r.dr/x/db:3"]), images(&["r/web:1.9.0", "r/db:3"]));
        let mirrored = images(&["mirror.example/a/b/web:1.9.0"]);
        // The same commit, and an image that was set beside it.
        let found = differ(&release("main", A, &old), &release("main", A, &new));
        assert_eq!(found.as_deref(), Some("web:1.4.0, primary web:1.9.0"));
        assert_eq!(differ(&release("main", A, &mirrored), &release("main", A, &new)), None);
        // A branch of its own on each side, the same images: the same release.
        assert_eq!(differ(&release("env/dr", B, &mirrored), &release("env/primary", A, &new)), None);
        assert!(differ(&release("main", B, &mirrored), &release("main", A, &new)).is_some(), "one branch, two commits");
        assert!(differ(&release("v1.4.0", B, &mirrored), &release("v1.9.0", A, &new)).is_some());
        let rolling = images(&["r/web:1.4.0", "r/web:1.9.0"]);
        assert_eq!(differ(&release("main", A, &rolling), &release("main", A, &new)), None);
        let digest = images(&["r/web@sha256:abc"]);
        assert_eq!(differ(&release("main", A, &digest), &release("main", A, &new)), None, "not comparable");
    }

    #[test]
    fn commits_that_change_nothing_of_an_application_are_no_difference() {
        let one = Release { deployed: A, ..release("main", B, &[]) };
        let other = Release { deployed: A, ..release("main", "cccccccccccccccccccccccccccccccccccccccc", &[]) };
        assert_eq!(differ(&one, &other), None);
    }
}
