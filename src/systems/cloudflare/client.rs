//! The calls we make, each once and each with its envelope opened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::rate_limit::{DIVIDED, RESERVE_PAUSE_S, RequestsLeft};
use super::response::{CallError, Good, Needs, garbage, open};
use super::token::Owner;
use crate::clock::Clock;
use crate::config::CloudflareConfig;
use crate::model::TroubleKind;
use crate::systems::http::{Api, HttpResponse, Method, Options, trouble};
use crate::systems::request_meter::{A_CHECK, Counts, Meter, RequestUse, held_back, now_used_for};

/// The most objects of one kind that an account may hold here.
const MAX_LIST: usize = 1_000;
/// The most pages of one list that are asked for in a round.
const MAX_PAGES: u64 = 50;

pub(super) struct CloudflareClient {
    api: Api,
    pub(super) clock: Clock,
    pub account: String,
    pub zones: Vec<String>,
    /// What a server said is left, and until when on the boot clock that says something.
    budget: Mutex<Option<(RequestsLeft, Duration)>>,
    /// Until then, on the boot clock, a server answers nothing but that it was asked too often.
    locked_out: Mutex<Option<Duration>>,
    meter: Arc<Meter>,
    /// Whose token it turned out to be.
    owner: Mutex<Option<Owner>>,
    /// Which zone a load balancer was last seen in.
    zone_of: Mutex<BTreeMap<String, String>>,
    /// How many pages beyond its first one each list took when it was last read whole.
    more_pages: Mutex<BTreeMap<String, usize>>,
}

impl CloudflareClient {
    /// A client whose every request goes through the meter of its options, or through one of its own.
    pub(super) fn new(config: &CloudflareConfig, mut options: Options, clock: Clock) -> Self {
        let meter = options.meter.get_or_insert_with(|| Arc::new(Meter::new(DIVIDED, clock.clone()))).clone();
        Self {
            api: Api::new(&config.url, options),
            clock,
            account: config.account.clone(),
            zones: config.zones.clone(),
            budget: Mutex::new(None),
            locked_out: Mutex::new(None),
            meter,
            owner: Mutex::new(None),
            zone_of: Mutex::new(BTreeMap::new()),
            more_pages: Mutex::new(BTreeMap::new()),
        }
    }

    /// What is left of the rate limit, if a server said so.
    pub(super) fn budget(&self) -> Option<RequestsLeft> {
        self.said().map(|(budget, _)| budget)
    }

    /// The same, and for how long it holds.
    fn said(&self) -> Option<(RequestsLeft, Duration)> {
        let (budget, until) = (*self.budget.lock().unwrap_or_else(PoisonError::into_inner))?;
        Some((budget, left(until, self.clock.boot())?))
    }

    /// How long to leave alone what is left: until it is full again, or for a while where nobody says when that is.
    pub(super) fn full_in(&self) -> Option<Duration> {
        let (budget, left) = self.said()?;
        Some(budget.resets.map_or(Duration::from_secs(RESERVE_PAUSE_S), |_| left))
    }

    /// How many requests we sent in the last five minutes, and what for.
    pub(super) fn asked(&self) -> Counts {
        self.meter.counts()
    }

    /// How long until the preconditions of a plan may be read; `None` = now.
    pub(super) fn reads_wait(&self) -> Option<Duration> {
        self.scarce_for().max(self.meter.fits_in(RequestUse::Read, A_CHECK))
    }

    /// How long the provider's own word leaves nothing to reading: it answers nobody, or what is left is for plans that run.
    fn scarce_for(&self) -> Option<Duration> {
        let locked = *self.locked_out.lock().unwrap_or_else(PoisonError::into_inner);
        let locked = locked.and_then(|until| left(until, self.clock.boot()));
        locked.max(self.budget().filter(|it| it.acts_only()).and_then(|_| self.full_in()))
    }

    /// How many requests the lists of a round take, by the pages they had last.
    pub(super) fn round_cost(&self) -> usize {
        let more: usize = self.more_pages.lock().unwrap_or_else(PoisonError::into_inner).values().sum();
        1 + self.zones.len() + more
    }

    /// How long until so many more requests of polling fit into its share; `None` = now.
    pub(super) fn fits_in(&self, cost: usize) -> Option<Duration> {
        self.meter.fits_in(RequestUse::Watch, cost)
    }

    /// What the provider says of the token in use. An account's token is refused at the user's address, and the other way
    /// round, so both are asked; which one answered is remembered.
    pub(super) async fn verify(&self) -> Result<(Owner, Value), CallError> {
        let known = *self.owner.lock().unwrap_or_else(PoisonError::into_inner);
        let order = match known {
            Some(Owner::Account) => [Owner::Account, Owner::User],
            _ => [Owner::User, Owner::Account],
        };
        let first = match self.verify_as(order[0]).await {
            Ok(found) => return Ok((order[0], found)),
            Err(err) if matches!(err.trouble.kind, TroubleKind::Unauthorized | TroubleKind::Forbidden) => err,
            Err(err) => return Err(err),
        };
        match self.verify_as(order[1]).await {
            Ok(found) => {
                *self.owner.lock().unwrap_or_else(PoisonError::into_inner) = Some(order[1]);
                Ok((order[1], found))
            }
            Err(second) if second.trouble.kind == TroubleKind::Unauthorized => Err(first),
            Err(second) => Err(second),
        }
    }

    async fn verify_as(&self, owner: Owner) -> Result<Value, CallError> {
        match owner {
            Owner::User => self.call(Method::GET, &["user", "tokens", "verify"], None, Needs::Nothing).await,
            Owner::Account => {
                let path = ["accounts", &self.account, "tokens", "verify"];
                self.call(Method::GET, &path, None, Needs::Nothing).await
            }
        }
    }

    /// Who refers to a pool: load balancers that use it, the monitor that it uses.
    pub(super) async fn references(&self, id: &str) -> Result<Vec<Value>, CallError> {
        let path = ["accounts", &self.account, "load_balancers", "pools", id, "references"];
        self.list(&path, Needs::Pools, "references").await
    }

    /// All pools of the account.
    pub(super) async fn pools(&self) -> Result<Vec<Value>, CallError> {
        self.list(&["accounts", &self.account, "load_balancers", "pools"], Needs::Pools, "pools").await
    }

    /// All load balancers of a zone.
    pub(super) async fn balancers(&self, zone: &str) -> Result<Vec<Value>, CallError> {
        let all = self.list(&["zones", zone, "load_balancers"], Needs::Balancers, "load balancers").await?;
        let mut zone_of = self.zone_of.lock().unwrap_or_else(PoisonError::into_inner);
        for id in all.iter().filter_map(|lb| lb.get("id")?.as_str()) {
            zone_of.insert(id.to_owned(), zone.to_owned());
        }
        Ok(all)
    }

    /// One pool; `None` if there is none.
    pub(super) async fn pool(&self, id: &str) -> Result<Option<Value>, CallError> {
        let path = ["accounts", &self.account, "load_balancers", "pools", id];
        absent(self.call(Method::GET, &path, None, Needs::Pools).await)
    }

    /// A pool's health by place.
    pub(super) async fn health(&self, id: &str) -> Result<Value, CallError> {
        let path = ["accounts", &self.account, "load_balancers", "pools", id, "health"];
        self.call(Method::GET, &path, None, Needs::Pools).await
    }

    /// One load balancer, in the zone where it was last seen or in whichever has it.
    pub(super) async fn balancer(&self, id: &str) -> Result<Option<Value>, CallError> {
        let known = self.zone_of.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        let others = self.zones.iter().filter(|zone| known.as_ref() != Some(zone)).cloned();
        for zone in known.iter().cloned().chain(others) {
            if let Some(found) = self.balancer_in(&zone, id).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// One load balancer of a zone.
    pub(super) async fn balancer_in(&self, zone: &str, id: &str) -> Result<Option<Value>, CallError> {
        let path = ["zones", zone, "load_balancers", id];
        absent(self.call(Method::GET, &path, None, Needs::Balancers).await)
    }

    /// Overwrites the given properties of a load balancer, once.
    pub(super) async fn patch_balancer(&self, zone: &str, id: &str, body: &Value) -> Result<Value, CallError> {
        let path = ["zones", zone, "load_balancers", id];
        self.call(Method::PATCH, &path, Some(body), Needs::WriteBalancers).await
    }

    /// A whole list, page after page where the answer says that there are more. A part of a list is an error: what is
    /// missing from it would be taken for gone.
    async fn list(&self, path: &[&str], needs: Needs, noun: &str) -> Result<Vec<Value>, CallError> {
        let mut all: Vec<Value> = Vec::new();
        let mut known: BTreeSet<String> = BTreeSet::new();
        let mut size = None;
        for page in 1..=MAX_PAGES {
            let Good { result, info } = self.page(path, page, size, needs).await?;
            let list = match result {
                Value::Null => Vec::new(),
                Value::Array(list) => list,
                _ => return Err(CallError::unsent(garbage(format!("the {noun} are no list")))),
            };
            let before = all.len();
            // A list that changes between two pages may show one object twice.
            let id = |it: &Value| it.get("id").and_then(Value::as_str).map(str::to_owned);
            all.extend(list.into_iter().filter(|it| id(it).is_none_or(|id| known.insert(id))));
            if all.len() > MAX_LIST {
                return Err(part(format!("{MAX_LIST} of {} {noun}", info.total(all.len()))));
            }
            let whole = info.total_count.is_some_and(|total| all.len() as u64 >= total);
            // A server that knows no pages answers with the first one again.
            let again = info.page.is_some_and(|it| it != page) || (all.len() == before && !whole);
            if page > 1 && again {
                break;
            }
            if !info.more_after(page, all.len()) {
                self.took_pages(path, page);
                return Ok(all);
            }
            size = info.per_page.or(info.count).or(size);
        }
        Err(part(format!("{} {noun} and not all", all.len())))
    }

    async fn page(&self, path: &[&str], page: u64, size: Option<u64>, needs: Needs) -> Result<Good, CallError> {
        let (page, size) = (page.to_string(), size.map(|size| size.to_string()));
        let mut query = Vec::new();
        // The first page is asked for without parameters: not every list is documented to have any.
        if page != "1" {
            query.push(("page", page.as_str()));
            query.extend(size.as_deref().map(|size| ("per_page", size)));
        }
        let answer = self.exchange(path, ApiCall::Read(&query)).await?;
        open(&answer, needs).map_err(|err| err.with_time(self.clock.now()))
    }

    fn took_pages(&self, path: &[&str], pages: u64) {
        let mut more = self.more_pages.lock().unwrap_or_else(PoisonError::into_inner);
        match usize::try_from(pages.saturating_sub(1)).unwrap_or(0) {
            0 => more.remove(&path.join("/")),
            n => more.insert(path.join("/"), n),
        };
    }

    async fn call(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
        needs: Needs,
    ) -> Result<Value, CallError> {
        let answer = self.exchange(path, ApiCall::Send(method, body)).await?;
        Ok(open(&answer, needs).map_err(|err| err.with_time(self.clock.now()))?.result)
    }

    async fn exchange(&self, path: &[&str], ask: ApiCall<'_>) -> Result<HttpResponse, CallError> {
        if let Some(bad) = path.iter().find(|part| !is_id(part)) {
            let what = format!("`{bad}` is not an id");
            return Err(CallError::unsent(trouble(
                TroubleKind::Garbage,
                what,
                "Ids are letters, digits, `-` and `_`.",
            )));
        }
        if let Some(wait) = self.scarce_for().filter(|_| now_used_for() == RequestUse::Read) {
            return Err(CallError::unsent(held_back(wait)));
        }
        let answer = match ask {
            ApiCall::Read([]) => self.api.send(Method::GET, path, None).await?,
            ApiCall::Read(query) => self.api.query(path, query).await?,
            ApiCall::Send(method, body) => self.api.send(method, path, body).await?,
        };
        let (now, boot) = (self.clock.now(), self.clock.boot());
        if let Some(budget) = RequestsLeft::of(&answer.headers, now) {
            let until = boot + budget.holds_for(now);
            *self.budget.lock().unwrap_or_else(PoisonError::into_inner) = Some((budget, until));
        }
        if answer.status == 429 {
            let wait = answer.retry_after_s().unwrap_or(RESERVE_PAUSE_S).min(3_600);
            *self.locked_out.lock().unwrap_or_else(PoisonError::into_inner) = Some(boot + Duration::from_secs(wait));
        }
        Ok(answer)
    }
}

/// What is left until an instant; `None` if it is over.
fn left(until: Duration, now: Duration) -> Option<Duration> {
    until.checked_sub(now).filter(|left| !left.is_zero())
}

/// One request.
enum ApiCall<'a> {
    /// A GET with parameters in its address.
    Read(&'a [(&'a str, &'a str)]),
    Send(Method, Option<&'a Value>),
}

/// The trouble of a list that could not be read whole.
fn part(what: String) -> CallError {
    let what = format!("Cloudflare listed {what}; nothing is judged by a part");
    CallError::unsent(trouble(
        TroubleKind::Partial,
        what,
        "It is asked again; if that stays so, name fewer zones or remove unused pools.",
    ))
}

fn absent(result: Result<Value, CallError>) -> Result<Option<Value>, CallError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(err) if err.absent => Ok(None),
        Err(err) => Err(err),
    }
}

/// Whether a word may stand as one segment of a path.
pub(super) fn is_id(word: &str) -> bool {
    (1..=128).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}
