//! Names that the configuration gives to things of the outside world, held against what is there. A name that is not there
//! is said as that, with the nearest that is; it is not blamed on a credential.

use crate::model::facts::{Fact, FactKind, Pool};
use crate::model::suggest::nearest;
use crate::model::{Objective, Stamp, System};

use super::Board;
use super::empty_reason::unheard;
use super::judged_at::JudgedAt;
use super::row::{LoadBalancerRow, Row, SourceRow};

/// The most names that are listed where none is near.
const MOST_LISTED: usize = 5;

/// What an objective names of an edge account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtEdge {
    /// Of a host of the objective: `load_balancer`.
    LoadBalancer,
    /// Of a host of the objective: `primary_pool`, or one of `dr_pools`.
    Pool,
}

impl AtEdge {
    fn words(self) -> &'static str {
        match self {
            Self::LoadBalancer => "load balancer",
            Self::Pool => "pool",
        }
    }

    /// The names of this kind that a row proves to be there.
    fn names_of(self, row: &Row) -> Vec<&str> {
        let pool = row.as_kind::<Pool>().map(|it| it.name.as_str());
        let balancer = row.as_kind::<LoadBalancerRow>();
        match self {
            Self::LoadBalancer => balancer.map(|it| it.lb.name.as_str()).into_iter().collect(),
            // A pool that nobody read is known by its id alone.
            Self::Pool => {
                let order = balancer.into_iter().flat_map(|it| it.order.iter().chain(&it.fallback));
                let read = order.filter(|it| it.enabled.is_some()).map(|it| it.name.as_str());
                pool.into_iter().chain(read).collect()
            }
        }
    }
}

/// A name that is not there, and the nearest that is.
fn says(what: &str, name: &str, place: &str, mut known: Vec<&str>) -> String {
    let head = format!("{what} `{name}` is not {place}");
    if let Some(near) = nearest(name, known.iter().copied()) {
        return format!("{head}; nearest: `{near}`");
    }
    known.sort_unstable();
    known.dedup();
    let more = known.len().saturating_sub(MOST_LISTED);
    let list: Vec<String> = known.iter().take(MOST_LISTED).map(|name| format!("`{name}`")).collect();
    match (list.is_empty(), more) {
        (true, _) => format!("{head}; there is none"),
        (false, 0) => format!("{head}; there: {}", list.join(", ")),
        (false, more) => format!("{head}; there: {} and {more} more", list.join(", ")),
    }
}

/// Says that no edge account has a thing of that name. `None`: one has, or not every account is heard.
pub fn not_at_edge<'a>(
    thing: AtEdge,
    name: &str,
    rows: impl Iterator<Item = &'a Row> + Clone,
    now: Stamp,
) -> Option<String> {
    let mut accounts = rows.clone().filter(|row| row.source.system == System::Cloudflare && row.is_kind::<SourceRow>());
    let first = accounts.next()?;
    let heard = unheard(first, now).is_none() && accounts.all(|row| unheard(row, now).is_none());
    let known: Vec<&str> = rows.flat_map(|row| thing.names_of(row)).collect();
    (heard && !known.contains(&name)).then(|| says(thing.words(), name, "in the account", known))
}

/// Every name of an objective that is not there, by sources that have listed all they have.
pub(super) fn missing(board: &Board, objective: &Objective, now: JudgedAt<'_>) -> Vec<String> {
    let mut out = Vec::new();
    let balancers = names(board, &[System::Cloudflare], FactKind::LoadBalancer, now);
    let pools = names(board, &[System::Cloudflare], FactKind::Pool, now);
    for host in &objective.hosts {
        let own = host.primary_pool.iter().chain(host.dr_pools.values());
        let balancer = [(AtEdge::LoadBalancer, &host.load_balancer, &balancers)];
        for (thing, name, known) in balancer.into_iter().chain(own.map(|pool| (AtEdge::Pool, pool, &pools))) {
            let Some(known) = known else { continue };
            if !known.iter().any(|(_, there)| there == name) {
                let known = known.iter().map(|(_, there)| there.as_str()).collect();
                out.push(says(thing.words(), name, "in the account", known));
            }
        }
    }
    if let Some(known) = names(board, &[System::Argocd, System::Flux], FactKind::App, now) {
        for pattern in &objective.apps {
            if known.iter().any(|(kind, name)| crate::model::objective::app_fits(pattern, kind, name)) {
                continue;
            }
            let bare = pattern.split_once('/').map_or(pattern.as_str(), |(_, name)| name).trim_end_matches('*');
            let names = known.iter().map(|(_, name)| name.as_str()).collect();
            let text = says("application", bare, "deployed by Argo CD or Flux", names);
            out.push(text.replacen(&format!("`{bare}`"), &format!("`{pattern}`"), 1));
        }
    }
    out.extend(misspelt_namespaces(board, objective, now));
    // Host names that share a pool miss it alike.
    out.sort();
    out.dedup();
    out
}

/// Namespaces without a pod in any cluster, where a name that nobody configured is near one that has pods. One that is
/// merely empty may be meant.
fn misspelt_namespaces(board: &Board, objective: &Objective, now: JudgedAt<'_>) -> Vec<String> {
    let clusters = || board.store.iter().filter(|(id, _)| id.system == System::Kubernetes);
    // The sum over all namespaces is there only where all of them may be read.
    let whole = clusters().all(|(_, state)| state.get(FactKind::NamespacePods, "").is_some());
    let Some(known) = names(board, &[System::Kubernetes], FactKind::NamespacePods, now).filter(|_| whole) else {
        return Vec::new();
    };
    let configured = |name: &str| board.setup.objectives.iter().flat_map(|it| &it.namespaces).any(|it| it == name);
    let there: Vec<&str> = known.iter().map(|(_, name)| name.as_str()).collect();
    let empty = objective.namespaces.iter().filter(|name| !there.contains(&name.as_str()));
    let said = empty.filter_map(|name| {
        let near = nearest(name, there.iter().copied().filter(|it| !configured(it)))?;
        Some(format!("namespace `{name}` has no pod in any cluster; nearest: `{near}`"))
    });
    said.collect()
}

/// The names of one kind (with the kind of an application), if every source that could have them is well and has listed
/// them.
fn names(board: &Board, systems: &[System], kind: FactKind, now: JudgedAt<'_>) -> Option<Vec<(String, String)>> {
    let mut sources = board.store.iter().filter(|(id, _)| systems.contains(&id.system)).peekable();
    sources.peek()?;
    let mut out = Vec::new();
    for (_, state) in sources {
        let well = state.trouble.is_none() && state.alive_at.is_some_and(|at| !state.is_stale_at(at, now));
        if !well || !state.listed(kind) {
            return None;
        }
        out.extend(state.of(kind).filter_map(|held| match &held.fact {
            Fact::LoadBalancer(lb) => Some((String::new(), lb.name.to_string())),
            Fact::Pool(pool) => Some((String::new(), pool.name.to_string())),
            Fact::NamespacePods(of) => Some((String::new(), of.namespace.to_string())),
            Fact::App(app) => Some((app.kind.as_str().to_owned(), app.name.to_string())),
            _ => None,
        }));
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{all_well, at, load_balancer, objective, pods, pool, trouble};
    use super::*;
    use crate::board::Topic;
    use crate::model::facts::NamespacePods;
    use crate::model::{Host, TroubleKind};

    fn board_of(change: impl Fn(&mut Objective)) -> Board {
        let mut board = all_well(at("14:35:00"));
        board.list("argocd/primary", at("14:35:00"), FactKind::App, Vec::new());
        let mut it = objective();
        change(&mut it);
        board.setup.objectives = vec![it];
        board
    }

    fn why(board: &Board) -> String {
        board.judge(at("14:35:00")).rows(Topic::Services)[0].why.to_string()
    }

    #[test]
    fn every_name_that_is_not_there_is_said_with_the_nearest_that_is() {
        assert_eq!(why(&board_of(|_| {})), "", "all of them are there");
        type Change = fn(&mut Objective);
        let cases: [(Change, &str); 5] = [
            (
                |it| it.hosts = vec![Host::new("shop.exmple", Some("primary"), [("dr", "dr")])],
                "load balancer `shop.exmple` is not in the account; nearest: `shop.example`",
            ),
            (
                |it| it.hosts = vec![Host::new("shop.example", Some("primry"), [("dr", "dr")])],
                "pool `primry` is not in the account; nearest: `primary`",
            ),
            (
                |it| it.hosts = vec![Host::new("shop.example", Some("primary"), [("dr", "elsewhere")])],
                "pool `elsewhere` is not in the account; there: `dr`, `primary`",
            ),
            (|it| it.apps = vec!["shpo-*".into()], "application `shpo-*` is not deployed by Argo CD or Flux"),
            (
                |it| it.apps = vec!["kustomization/shop-01".into()],
                "application `kustomization/shop-01` is not deployed by Argo CD or Flux; nearest: `shop-01`",
            ),
        ];
        for (change, words) in cases {
            let said = why(&board_of(change));
            assert!(said.contains(words), "{said} says: {words}");
        }
    }

    #[test]
    fn a_namespace_that_no_cluster_knows_is_said_with_the_nearest_that_is_there() {
        let counted = |namespace: &str| NamespacePods { namespace: namespace.into(), ..pods("primary", 3, 3) };
        let board_of = |own: &[&str]| {
            let mut board = board_of(|it| it.namespaces = own.iter().map(ToString::to_string).collect());
            for cluster in ["kubernetes/primary", "kubernetes/dr"] {
                let all = ["", "shop", "checkout-a"].map(|it| counted(it).into()).into();
                board.list(cluster, at("14:34:59"), FactKind::NamespacePods, all);
            }
            board
        };
        let words = "namespace `shpo` has no pod in any cluster; nearest: `shop`";
        assert!(why(&board_of(&["shpo"])).contains(words), "{}", why(&board_of(&["shpo"])));
        for quiet in [&["shop"][..], &["reports"], &["checkout-a", "checkout-b"]] {
            assert!(!why(&board_of(quiet)).contains("no pod in any cluster"), "{quiet:?}: {}", why(&board_of(quiet)));
        }
        let mut unheard = board_of(&["shpo"]);
        unheard.see("kubernetes/dr", at("14:34:59"), trouble(TroubleKind::Forbidden));
        assert!(!why(&unheard).contains("no pod in any cluster"), "who is not heard may have it");
    }

    #[test]
    fn what_a_source_in_trouble_does_not_list_is_not_called_missing() {
        let mut board = board_of(|it| it.hosts = vec![Host::new("shop.exmple", Some("primry"), [("dr", "dr")])]);
        board.see("cloudflare/edge", at("14:34:59"), trouble(TroubleKind::Forbidden));
        assert!(!why(&board).contains("not in the account"), "{}", why(&board));
    }

    #[test]
    fn rows_tell_the_same_as_facts() {
        let mut board = board_of(|_| {});
        board.list("cloudflare/edge", at("14:34:59"), FactKind::Pool, vec![pool("dr-eu1", Some(true)).into()]);
        let lb = load_balancer(&["dr-eu1"], "dr-eu1");
        board.list("cloudflare/edge", at("14:34:59"), FactKind::LoadBalancer, vec![lb.into()]);
        let judged = board.judge(at("14:35:00"));
        let rows = || judged.rows(Topic::Traffic).iter().chain(judged.rows(Topic::Sources));
        let says = |thing, name| not_at_edge(thing, name, rows(), at("14:35:00"));
        let missing = says(AtEdge::Pool, "dr-eu").expect("it is not there");
        assert_eq!(missing, "pool `dr-eu` is not in the account; nearest: `dr-eu1`");
        assert_eq!(says(AtEdge::Pool, "dr-eu1"), None);
        assert_eq!(says(AtEdge::LoadBalancer, "shop.example"), None);
        assert_eq!(not_at_edge(AtEdge::Pool, "x", judged.rows(Topic::Traffic).iter(), at("14:35:00")), None, "unheard");
    }
}
