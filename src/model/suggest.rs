//! The valid word nearest to one that isn't: a small edit distance in which swapped neighbours count as one slip.

use strsim::osa_distance;

/// Words longer than this are not compared: nobody mistypes a name that long by one letter, and the cost is quadratic.
const LONGEST: usize = 64;

/// The nearest of `valid`, if it is near enough to have been meant.
pub fn nearest<'a>(written: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = written.chars().take(LONGEST + 1).count();
    if !(1..=LONGEST).contains(&length) {
        return None;
    }
    let written = fold(written);
    let allowed = (length / 3).clamp(1, 3);
    valid
        .into_iter()
        .filter(|word| !word.is_empty() && word.len() <= LONGEST)
        .map(|word| (osa_distance(&written, &fold(word)), word))
        .filter(|(far, _)| *far <= allowed)
        .min_by_key(|(far, _)| *far)
        .map(|(_, word)| word)
}

/// `Bearer-File` and `bearer_file` are the same word to a person.
fn fold(word: &str) -> String {
    word.chars().map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_its_word_and_another_word_finds_none() {
        let words = ["name", "role", "kubeconfig", "velero", "argocd", "argocd_stale"];
        assert_eq!(nearest("nmae", words), Some("name"));
        assert_eq!(nearest("Kube-Config", words), Some("kubeconfig"));
        assert_eq!(nearest("argo_cd", words), Some("argocd"));
        assert_eq!(nearest("argocd-stale", words), Some("argocd_stale"));
        assert_eq!(nearest("x", words), None);
        assert_eq!(nearest("colour", words), None);
        assert_eq!(nearest("", words), None);
        assert_eq!(nearest(&"n".repeat(500), words), None);
    }
}
