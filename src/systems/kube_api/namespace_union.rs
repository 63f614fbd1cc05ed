//! One resource from several namespaces: their lists become one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::gathered_facts::{self, MAX_FACTS};
use super::watch::Watched;
use crate::model::facts::Fact;

/// One resource that is read namespace by namespace, because nothing else is allowed: what it holds, by namespace. It is told
/// as a whole once every namespace was read, so that no part of it counts as all.
#[derive(Clone, Debug)]
pub(crate) struct NamespaceUnion(Arc<Mutex<BTreeMap<String, Option<NamespaceFacts>>>>);

/// What a namespace holds.
#[derive(Clone, Debug, Default)]
struct NamespaceFacts {
    by_key: BTreeMap<String, Fact>,
    unkept: u64,
}

impl NamespaceFacts {
    /// Lets go what is needed least of more than can be kept; it comes back with the next list.
    fn bound(&mut self) {
        if self.by_key.len() > 2 * MAX_FACTS {
            let mut facts: Vec<Fact> = std::mem::take(&mut self.by_key).into_values().collect();
            self.unkept += gathered_facts::trim(&mut facts, |fact| (fact, None)).0;
            self.by_key = facts.into_iter().map(|fact| (fact.key(), fact)).collect();
        }
    }
}

impl NamespaceUnion {
    /// Of these namespaces; none of them is read yet.
    pub(crate) fn new(namespaces: &[String]) -> Self {
        Self(Arc::new(Mutex::new(namespaces.iter().map(|namespace| (namespace.clone(), None)).collect())))
    }

    fn lists(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Option<NamespaceFacts>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A namespace was listed: all there is, if all are.
    fn list(&self, namespace: &str, facts: Vec<Fact>, unkept: u64) -> Option<(Vec<Fact>, u64)> {
        let mut lists = self.lists();
        let by_key = facts.into_iter().map(|fact| (fact.key(), fact)).collect();
        lists.insert(namespace.to_owned(), Some(NamespaceFacts { by_key, unkept }));
        let all: Option<Vec<&NamespaceFacts>> = lists.values().map(Option::as_ref).collect();
        let all = all?;
        let mut facts: Vec<Fact> = all.iter().flat_map(|list| list.by_key.values()).cloned().collect();
        let unkept = gathered_facts::trim(&mut facts, |fact| (fact, None)).0;
        Some((facts, unkept + all.iter().map(|list| list.unkept).sum::<u64>()))
    }

    /// One object changed: whether that may be told before the rest is read.
    fn change(&self, namespace: &str, key: &str, fact: Option<&Fact>) -> bool {
        let mut lists = self.lists();
        if let Some(Some(list)) = lists.get_mut(namespace) {
            match fact {
                Some(fact) => list.by_key.insert(key.to_owned(), fact.clone()),
                None => list.by_key.remove(key),
            };
            list.bound();
        }
        lists.values().all(Option::is_some)
    }
}

impl Watched {
    /// A list of this resource was read, and so many more than these are in it: what may be told as the whole of its kind,
    /// if that is known by now.
    pub(super) fn listed(&self, facts: Vec<Fact>, unkept: u64) -> Option<(Vec<Fact>, u64)> {
        match (&self.union, self.collection.namespace()) {
            (Some(union), Some(namespace)) => union.list(namespace, facts, unkept),
            _ => Some((facts, unkept)),
        }
    }

    /// Whether a change of one object may be told by itself.
    pub(super) fn tells(&self, key: &str, fact: Option<&Fact>) -> bool {
        match (&self.union, self.collection.namespace()) {
            (Some(union), Some(namespace)) => union.change(namespace, key, fact),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::facts::NamespacePods;

    fn fact(namespace: &str, ready: u32) -> Fact {
        NamespacePods { cluster: "dr".into(), namespace: namespace.into(), ready, all: 1 }.into()
    }

    #[test]
    fn nothing_is_told_of_some_before_all_were_read_and_nothing_of_one_is_lost_by_another() {
        let union = NamespaceUnion::new(&["a".to_owned(), "b".to_owned()]);
        assert_eq!(union.list("a", vec![fact("a", 0)], 7), None);
        assert!(!union.change("a", "a", Some(&fact("a", 1))), "before the rest is known");
        assert_eq!(union.list("b", vec![fact("b", 0)], 1), Some((vec![fact("a", 1), fact("b", 0)], 8)));
        assert!(union.change("a", "a", None));
        assert_eq!(union.list("b", vec![fact("b", 1)], 0), Some((vec![fact("b", 1)], 7)));
    }
}
