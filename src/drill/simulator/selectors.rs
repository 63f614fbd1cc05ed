//! Label and field selectors of lists and watches. Pure.

use serde_json::Value;

/// What an object must be to be shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Selector {
    fields: Vec<SelectorTerm>,
    labels: Vec<SelectorTerm>,
}

#[derive(Clone, Debug)]
struct SelectorTerm {
    key: String,
    /// `None`: the key has to be there (or not).
    values: Option<Vec<String>>,
    not: bool,
}

impl Selector {
    /// Reads both kinds; the error is what the API server would complain about.
    pub(super) fn parse(fields: Option<&str>, labels: Option<&str>) -> Result<Self, String> {
        Ok(Self { fields: terms(fields.unwrap_or_default())?, labels: terms(labels.unwrap_or_default())? })
    }

    /// True if everything matches: nothing has to be parsed.
    pub(super) fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.labels.is_empty()
    }

    /// Whether an object, as its text, is shown.
    pub(super) fn matches(&self, json: &str) -> bool {
        if self.is_empty() {
            return true;
        }
        let Ok(value) = serde_json::from_str::<Value>(json) else { return false };
        let field = |path: &str| {
            let at = path.split('.').fold(&value, |v, part| &v[part]);
            Some(at.as_str().unwrap_or_default().to_owned())
        };
        let label = |key: &str| value["metadata"]["labels"][key].as_str().map(ToOwned::to_owned);
        self.fields.iter().all(|t| t.holds(field(&t.key))) && self.labels.iter().all(|t| t.holds(label(&t.key)))
    }
}

impl SelectorTerm {
    fn holds(&self, value: Option<String>) -> bool {
        let hit = match (&self.values, value) {
            (None, value) => value.is_some(),
            (Some(values), Some(value)) => values.contains(&value),
            (Some(_), None) => false,
        };
        hit != self.not
    }
}

fn terms(text: &str) -> Result<Vec<SelectorTerm>, String> {
    let mut out = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        // A comma inside `in (…)` does not end a term.
        let mut depth = 0u32;
        let end = rest.find(|c: char| match c {
            '(' => {
                depth += 1;
                false
            }
            ')' => {
                depth = depth.saturating_sub(1);
                false
            }
            ',' => depth == 0,
            _ => false,
        });
        let (one, tail) = end.map_or((rest, ""), |at| (&rest[..at], &rest[at + 1..]));
        out.push(term(one.trim())?);
        rest = tail.trim();
    }
    Ok(out)
}

fn term(one: &str) -> Result<SelectorTerm, String> {
    let made = |key: &str, values: Option<Vec<String>>, not| {
        let key = key.trim().to_owned();
        if key.is_empty() {
            Err(format!("unable to parse requirement: {one:?}"))
        } else {
            Ok(SelectorTerm { key, values, not })
        }
    };
    let set = |list: &str| -> Vec<String> {
        list.trim_matches(['(', ')', ' ']).split(',').map(|v| v.trim().to_owned()).collect()
    };
    if let Some((key, value)) = one.split_once("!=") {
        return made(key, Some(vec![value.trim().to_owned()]), true);
    }
    if let Some((key, value)) = one.split_once("==").or_else(|| one.split_once('=')) {
        return made(key, Some(vec![value.trim().to_owned()]), false);
    }
    if let Some((key, list)) = one.split_once(" notin ") {
        return made(key, Some(set(list)), true);
    }
    if let Some((key, list)) = one.split_once(" in ") {
        return made(key, Some(set(list)), false);
    }
    match one.strip_prefix('!') {
        Some(key) => made(key, None, true),
        None => made(one, None, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_read_as_the_api_server_reads_them() {
        let pod = r#"{"metadata":{"name":"a","labels":{"app":"cart"}},"status":{"phase":"Running"},"type":"Warning"}"#;
        let matches =
            |fields: &str, labels: &str| Selector::parse(Some(fields), Some(labels)).expect("parses").matches(pod);
        assert!(matches("", ""));
        assert!(matches("type=Warning,status.phase==Running", "app"));
        assert!(!matches("status.phase!=Running,status.phase!=Succeeded", ""));
        assert!(matches("metadata.name=a", "app in (cart, web),!tier"));
        assert!(!matches("", "app notin (cart)"));
        assert!(matches("", "tier!=x"), "an absent label is not x");
        assert!(Selector::parse(Some("=x"), None).is_err());
    }
}
