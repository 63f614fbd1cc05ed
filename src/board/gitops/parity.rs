//! The parity of one cluster: how many of its applications are as they should be, who is not, and by what.

use std::collections::BTreeSet;

use crate::board::Board;
use crate::board::observation_store::Provenance;
use crate::board::row::{Against, AppsKnown, ParityRow, Row, Verdict, Windows};
use crate::board::row_builder::{Opinion, count, names};
use crate::model::gitops::LagKind;
use crate::model::gitops::destination::Destination;
use crate::model::time::clock;
use crate::model::{ClusterRole, SafeText, SourceId};

use super::applications::{JudgedApp, day_and_clock};
use super::tools;
use crate::board::judged_at::JudgedAt;

/// What ids of parity rows begin with.
pub(super) const PREFIX: &str = "parity/";
const MOST_LAGGARDS: usize = 100;
/// Why an application is not counted when its source is not heard: the last word on it was good.
const SILENT: &str = "not heard from: it was deployed and healthy when last seen";

/// What is known of the applications of one destination.
pub(super) struct Group<'a> {
    to: Destination,
    /// Who deploys there: what runs in the cluster itself, and every hub that has an application for it.
    pub sources: BTreeSet<&'a SourceId>,
    pub apps: Vec<JudgedApp<'a>>,
    /// What nothing proves about controllers.
    pub doubts: BTreeSet<String>,
    /// Its Argo CD or Flux deploys to other clusters.
    pub is_hub: bool,
    pub against: Vec<Against>,
    /// How many have a counterpart on a primary.
    pub compared: u32,
    /// How many of those counterparts nothing proves any more.
    pub doubtful: u32,
    /// What only a primary has, and why that is said.
    pub missing: Vec<(SafeText, SafeText)>,
    /// What only a primary has by a name that was derived.
    pub unmatched: Vec<SafeText>,
    /// What no primary has.
    pub extra: Vec<SafeText>,
}

/// The figures of a parity row.
struct Counted {
    ok: u32,
    total: u32,
    laggards: Vec<(SafeText, SafeText)>,
    silent: u32,
    passing: u32,
}

impl<'a> Group<'a> {
    pub(super) fn new(to: Destination) -> Self {
        Self {
            to,
            sources: BTreeSet::new(),
            apps: Vec::new(),
            doubts: BTreeSet::new(),
            is_hub: false,
            against: Vec::new(),
            compared: 0,
            doubtful: 0,
            missing: Vec::new(),
            unmatched: Vec::new(),
            extra: Vec::new(),
        }
    }

    /// Its row; none for the own cluster of a hub that deploys nothing there.
    pub(super) fn row(&self, board: &Board, now: JudgedAt<'_>) -> Option<Row> {
        let idle = self.apps.is_empty() && self.missing.is_empty() && self.against.is_empty();
        if idle && self.is_hub {
            return None;
        }
        let proof = self.proof(board, now)?;
        let counted = self.count();
        let mut opinion = Opinion::new(Verdict::Ok);
        let name = match &self.to {
            Destination::Cluster(name) => {
                match tools(board).find(|(id, state)| self.sources.contains(id) && state.is_reading()) {
                    Some((id, _)) => opinion.because(Verdict::Unknown, format!("{id} is still being read")),
                    None => {
                        self.judge(&mut opinion, &counted, proof.stale);
                        self.judge_comparison(board, name, &mut opinion, now);
                    }
                }
                name
            }
            Destination::Unknown(word) => {
                self.judge_unknown(board, word, &mut opinion);
                word
            }
        };
        self.doubts.iter().for_each(|doubt| opinion.mention(doubt.as_str()));
        let blocked = self.apps.iter().filter(|it| matches!(it.row.windows, Windows::Blocked { .. })).count();
        if blocked > 0 {
            opinion.mention(format!("a sync window blocks syncs of {}", count(blocked, "application")));
        }
        if !self.extra.is_empty() {
            opinion.mention(format!("on {name} only: {}", names(&self.extra)));
        }
        let Counted { ok, total, mut laggards, silent, passing } = counted;
        laggards.truncate(MOST_LAGGARDS);
        let oldest_reconciled = self.apps.iter().filter_map(|it| it.row.reconciled_at).min();
        let (cluster, against) = (name.clone(), self.against.clone());
        let body = ParityRow { cluster, ok, total, laggards, silent, passing, against, oldest_reconciled };
        Some(opinion.row(format!("{PREFIX}{name}"), proof, body))
    }

    /// Several sources together can be believed no further than the worst of them.
    fn proof(&self, board: &Board, now: JudgedAt<'_>) -> Option<Provenance> {
        let own = self.sources.iter().copied();
        let any = tools(board).map(|(id, _)| id).filter(|_| self.sources.is_empty());
        own.chain(any).map(|id| board.store.proof_of_source(id, now)).reduce(|one, other| {
            let doubt = one.doubt.clone().or_else(|| other.doubt.clone());
            let worse = if (other.stale, one.seen_at) > (one.stale, other.seen_at) { other } else { one };
            Provenance { doubt, ..worse }
        })
    }

    fn count(&self) -> Counted {
        let behind = self.apps.iter().filter_map(|it| Some((it.row.label(), SafeText::new(&it.lag.as_ref()?.why))));
        let mut laggards: Vec<(SafeText, SafeText)> = behind.chain(self.missing.iter().cloned()).collect();
        laggards.sort();
        let unheard = self.apps.iter().filter(|it| it.lag.is_none() && it.proof.stale);
        let mut unheard: Vec<(SafeText, SafeText)> =
            unheard.map(|it| (it.row.label(), SafeText::from(SILENT))).collect();
        unheard.sort();
        let silent = unheard.len() as u32;
        // Real reasons first: who merely is not heard comes last and is the first to be cut.
        laggards.append(&mut unheard);
        let total = (self.apps.len() + self.missing.len()) as u32;
        let passes = |it: &&JudgedApp<'_>| it.lag.as_ref().is_some_and(|lag| lag.kind == LagKind::Passing);
        let passing = self.apps.iter().filter(passes).count() as u32;
        Counted { ok: total - laggards.len() as u32, total, laggards, silent, passing }
    }

    fn judge(&self, opinion: &mut Opinion, counted: &Counted, stale: bool) {
        let Counted { ok, total, passing, .. } = *counted;
        let late = total - ok;
        if total == 0 {
            opinion.because(Verdict::Unknown, "no application is known");
        } else if late > 0 && !stale {
            let verdict = if late == passing { Verdict::Info } else { Verdict::Warning };
            let what = if self.against.is_empty() { "not deployed and healthy" } else { "not at parity" };
            let so_far = match passing {
                0 => String::new(),
                all if all == late => ", for no longer than is usual".to_owned(),
                some => format!(", {some} of them for no longer than is usual"),
            };
            opinion.because(verdict, format!("{late} of {total} {what}{so_far}"));
        }
    }

    /// What "at parity" rests on. Without a comparison nothing is.
    fn judge_comparison(&self, board: &Board, name: &str, opinion: &mut Opinion, now: JudgedAt<'_>) {
        let is_dr = |(cluster, role): &(String, ClusterRole)| cluster == name && *role == ClusterRole::Dr;
        if self.against.is_empty() && board.setup.clusters.iter().any(is_dr) {
            opinion.because(Verdict::Info, "compared with nothing: no primary of it is configured");
        }
        for Against { cluster, known } in &self.against {
            match known {
                AppsKnown::Now => {}
                AppsKnown::LastRead(at) => {
                    let at = if now.is_same_day(*at) { clock(*at) } else { day_and_clock(*at) };
                    opinion.because(Verdict::Info, format!("compared with {cluster} as it was last read, at {at}"));
                }
                AppsKnown::Unread => {
                    let why = format!("compared with nothing: the applications of {cluster} have not been read yet");
                    opinion.because(Verdict::Unknown, why);
                }
                AppsKnown::Unwatched => {
                    let why = format!("compared with nothing: no Argo CD or Flux that deploys to {cluster} is watched");
                    opinion.because(Verdict::Info, why);
                }
            }
        }
        let read = self.against.iter().any(|it| matches!(it.known, AppsKnown::Now | AppsKnown::LastRead(_)));
        if read && self.compared == 0 && self.missing.is_empty() && !self.apps.is_empty() {
            opinion.because(Verdict::Unknown, "compared with nothing: no application is on both sides");
        }
        if self.doubtful > 0 {
            let who = count(self.doubtful as usize, "application");
            let why = format!("{who} compared with what the primary had last: nothing proves that it still has");
            opinion.because(Verdict::Info, why);
        }
        if !self.unmatched.is_empty() {
            let why = format!("not found on {name} by any name that fits: {}", names(&self.unmatched));
            opinion.because(Verdict::Unknown, why);
        }
    }

    /// Whose destination is none of our clusters: only where a service may depend on it that needs somebody.
    fn judge_unknown(&self, board: &Board, word: &str, opinion: &mut Opinion) {
        let owned = |it: &JudgedApp<'_>| {
            let (kind, name) = (it.app.kind.as_str(), it.app.name.as_str());
            board.setup.objectives.iter().any(|objective| objective.owns_app(kind, name))
        };
        let verdict = if self.apps.iter().any(owned) { Verdict::Unknown } else { Verdict::Info };
        let from: Vec<String> = self.sources.iter().map(|id| id.to_string()).collect();
        let verb = if self.apps.len() == 1 { "goes" } else { "go" };
        let why = format!(
            "{} of {} {verb} to {word}, which is no [[cluster]]: if it is one, put that into its `destinations`",
            count(self.apps.len(), "application"),
            names(&from),
        );
        opinion.because(verdict, why);
    }
}
