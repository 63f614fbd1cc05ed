//! The valid word nearest to one that isn't: a small edit distance in which swapped neighbours count as one slip.

/// Words longer than this are not compared: nobody mistypes a name that long by one letter, and the cost is quadratic.
const LONGEST: usize = 64;

/// The nearest of `valid`, if it is near enough to have been meant.
pub fn nearest<'a>(written: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written = fold(written);
    if written.is_empty() || written.len() > LONGEST {
        return None;
    }
    let allowed = (written.len() / 3).clamp(1, 3);
    valid
        .into_iter()
        .filter(|word| !word.is_empty() && word.len() <= LONGEST)
        .map(|word| (distance(&written, &fold(word)), word))
        .filter(|(far, _)| *far <= allowed)
        .min_by_key(|(far, _)| *far)
        .map(|(_, word)| word)
}

/// `Bearer-File` and `bearer_file` are the same word to a person.
fn fold(word: &str) -> Vec<char> {
    word.chars().take(LONGEST + 1).map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect()
}

/// Edits (insert, delete, replace, swap of neighbours) from one word to the other.
fn distance(a: &[char], b: &[char]) -> usize {
    let width = b.len() + 1;
    let mut rows = vec![0usize; (a.len() + 1) * width];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            let at = i * width + j;
            rows[at] = if i == 0 || j == 0 {
                i + j
            } else {
                let same = usize::from(a[i - 1] != b[j - 1]);
                let mut best = (rows[at - width] + 1).min(rows[at - 1] + 1).min(rows[at - width - 1] + same);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best = best.min(rows[at - 2 * width - 2] + 1);
                }
                best
            };
        }
    }
    rows[a.len() * width + b.len()]
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
