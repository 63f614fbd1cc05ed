//! Raw tables → values: defaults filled in, tiers opened, paths made absolute. What one value alone can get wrong is said
//! here; after an error a stand-in is used, so that the errors behind it are found in the same look.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;

use super::error::Report;
use super::http::WrittenHttp;
use super::raw::{Number, RawCloudflare, RawCluster, RawFile, RawPolicy, RawProbe, RawRules, Section, Text, Texts};
use super::rules::{each, said};
use super::service::services;
use super::units::{duration, duration_text, is_header, status_range};
use super::{CloudflareConfig, ClusterConfig, Config, Env, LoadOptions, ProbeConfig, ServeRules};
use crate::model::alert_words::holds;
use crate::model::{AlertWords, ClusterRole, EntryRules, Level, Policy, Severity, TransitionKind};

/// Values where the file is silent. `sample.toml` shows the same, and a test compares them.
pub(super) const CLOUDFLARE_URL: &str = "https://api.cloudflare.com/client/v4";
const PEOPLE: &str = "people.toml";
const CLOUDFLARE_EVERY: u64 = 10;
const PROBE_EVERY: u64 = 5;
const PROBE_TIMEOUT: u64 = 3;
const PROBE_GOOD: (u16, u16) = (200, 399);
const PROBE_WINDOW: u64 = 6;
/// Three rounds of Argo CD's own reconciliation: 120 s and up to 60 s of jitter.
const ARGOCD_STALE: u64 = 3 * (120 + 60);
const PER_MINUTE: u64 = 30;
const TTL: u64 = 30 * 60;
const QUORUM: u64 = 2;

/// Makes the values. Meaningless unless the report is clean afterwards.
pub(super) fn resolve(raw: &RawFile, file: &Path, options: LoadOptions, env: &Env, report: &mut Report<'_>) -> Config {
    let mut make = ResolveContext::new(report, file, env);
    let (room, people_file, allow_fs) = match &raw.room {
        Some(room) => (
            make.need(&room.it.name, "name", "[room]", &room.at),
            make.path(Some(said(&room.it.people).unwrap_or(PEOPLE))),
            make.allow_fs(&room.it.allow_fs),
        ),
        None => {
            make.report.at(0..0, "there is no [room]: add `[room]` and, below it, its `name`");
            (String::new(), make.path(Some(PEOPLE)), Vec::new())
        }
    };
    let allow_hosts: Vec<String> = raw.network.iter().flat_map(|n| make.names(&n.it.allow, "allow")).collect();
    let allow_exec: Vec<PathBuf> = raw.network.iter().flat_map(|n| make.programs(&n.it.exec)).collect();
    let rules = ServeRules { allow_hosts: allow_hosts.clone(), exec: allow_exec.clone() };
    let serve = (options.serve && !options.drill).then_some(rules);
    Config {
        room,
        file: Some(file.to_owned()),
        clusters: raw.clusters.iter().map(|s| make.cluster(s, serve.clone())).collect(),
        alertmanagers: raw.alertmanagers.iter().map(|s| make.alertmanager(s)).collect(),
        prometheus: raw.prometheus.iter().map(|s| make.prometheus(s)).collect(),
        cloudflare: raw.cloudflare.iter().map(|s| make.cloudflare(s)).collect(),
        probes: raw.probes.iter().map(|s| make.probe(s)).collect(),
        objectives: services(raw, &mut make),
        slos: super::slo::slos(raw, &mut make),
        rules: make.rules(raw.rules.as_ref()),
        policy: make.policy(raw.policy.as_ref(), options),
        people: Vec::new(),
        people_digest: String::new(),
        people_file: people_file.unwrap_or_default(),
        allow_fs,
        allow_hosts,
        allow_exec,
        log_quota: super::log_size::quota(raw.log.as_ref(), &mut make),
        console: super::console::resolve(raw.console.as_ref(), &mut make),
    }
}

/// What the makers share.
pub(super) struct ResolveContext<'a, 'r> {
    pub report: &'a mut Report<'r>,
    base: &'a Path,
    env: &'a Env,
}

impl<'a, 'r> ResolveContext<'a, 'r> {
    pub fn new(report: &'a mut Report<'r>, file: &'a Path, env: &'a Env) -> Self {
        Self { report, base: file.parent().unwrap_or(Path::new("")), env }
    }
}

impl ResolveContext<'_, '_> {
    /// A text that must be there.
    pub fn need(&mut self, text: &Text, key: &str, title: &str, at: &Range<usize>) -> String {
        let Some(text) = text else {
            if !self.report.is_unread(at, key) {
                self.report.at(at.clone(), format!("{title} has no `{key}`"));
            }
            return String::new();
        };
        if text.get_ref().trim().is_empty() {
            self.report.at(text.span(), format!("`{key}` is empty"));
        }
        text.get_ref().clone()
    }

    /// A text that may be missing, but not empty.
    pub fn may(&mut self, text: &Text, key: &str) -> Option<String> {
        let text = text.as_ref()?;
        if text.get_ref().trim().is_empty() {
            self.report.at(text.span(), format!("`{key}` is empty: leave the line out instead"));
        }
        Some(text.get_ref().clone())
    }

    /// One of a few words.
    pub fn choice<T: Copy>(&mut self, text: &Spanned<String>, key: &str, words: &[(&'static str, T)]) -> Option<T> {
        let written = text.get_ref().as_str();
        let found = words.iter().find(|(word, _)| *word == written).map(|(_, value)| *value);
        if found.is_none() {
            let valid: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.report.word(text.span(), &format!("`{key}` can't be `{written}`"), written, &valid);
        }
        found
    }

    /// A duration within bounds.
    pub fn time(&mut self, text: &Text, key: &str, default: u64, bounds: (u64, u64)) -> u64 {
        let Some(text) = text else { return default };
        match duration(text.get_ref()) {
            Ok(seconds) if (bounds.0..=bounds.1).contains(&seconds) => seconds,
            Ok(_) => {
                let (low, high) = (duration_text(bounds.0), duration_text(bounds.1));
                let what = format!("`{key}` is {}; it must be between {low} and {high}", text.get_ref());
                self.report.at(text.span(), what);
                default
            }
            Err(why) => {
                self.report.at(text.span(), format!("`{key}`: {why}"));
                default
            }
        }
    }

    fn count(&mut self, number: &Number, key: &str, default: u64, bounds: (u64, u64)) -> u64 {
        let Some(number) = number else { return default };
        match u64::try_from(*number.get_ref()) {
            Ok(count) if (bounds.0..=bounds.1).contains(&count) => count,
            _ => {
                let what = format!("`{key}` is {}; it must be between {} and {}", number.get_ref(), bounds.0, bounds.1);
                self.report.at(number.span(), what);
                default
            }
        }
    }

    /// A path as the file means it: relative to the file, `~/` is home.
    pub fn path(&self, text: Option<&str>) -> Option<PathBuf> {
        let text = text?;
        match (text.strip_prefix("~/"), &self.env.home) {
            (Some(rest), Some(home)) => Some(home.join(rest)),
            _ => Some(self.base.join(text)),
        }
    }

    /// A path to a secret: a bare file name is looked for among systemd's credentials first.
    pub fn secret(&self, text: Option<&str>) -> Option<PathBuf> {
        let name = text?;
        let credential = self.env.credentials.as_ref().filter(|_| !name.contains('/')).map(|dir| dir.join(name));
        credential.filter(|path| path.exists()).or_else(|| self.path(text))
    }

    pub fn may_path(&mut self, text: &Text, key: &str) -> Option<PathBuf> {
        let text = self.may(text, key);
        self.path(text.as_deref())
    }

    pub fn may_secret(&mut self, text: &Text, key: &str) -> Option<PathBuf> {
        let text = self.may(text, key);
        self.secret(text.as_deref())
    }

    fn allow_fs(&mut self, list: &Texts) -> Vec<String> {
        for name in each(list) {
            self.choice(name, "allow_fs", &[("nfs", ()), ("fuse", ())]);
        }
        each(list).map(|name| name.get_ref().clone()).collect()
    }

    fn programs(&mut self, list: &Texts) -> Vec<PathBuf> {
        for name in each(list).filter(|name| !name.get_ref().trim().is_empty()) {
            if !Path::new(name.get_ref()).is_absolute() {
                let what = format!("`exec` holds `{}`: write the whole path of the program, from /", name.get_ref());
                self.report.at(name.span(), what);
            }
        }
        self.names(list, "exec").into_iter().map(PathBuf::from).collect()
    }

    fn cluster(&mut self, section: &Section<RawCluster>, serve: Option<ServeRules>) -> ClusterConfig {
        let (it, title) = (&section.it, "[[cluster]]");
        let roles = [("primary", ClusterRole::Primary), ("dr", ClusterRole::Dr), ("other", ClusterRole::Other)];
        self.need(&it.role, "role", title, &section.at);
        let role = it.role.as_ref().and_then(|role| self.choice(role, "role", &roles));
        ClusterConfig {
            name: self.need(&it.name, "name", title, &section.at),
            role: role.unwrap_or(ClusterRole::Other),
            kubeconfig: self.may_secret(&it.kubeconfig, "kubeconfig"),
            context: self.may(&it.context, "context"),
            velero: self.may(&it.velero, "velero"),
            argocd: self.may(&it.argocd, "argocd"),
            argocd_stale_s: self.stale(&it.argocd_stale),
            flux: self.may(&it.flux, "flux"),
            destinations: self.names(&it.destinations, "destinations"),
            only_here: self.names(&it.only_here, "only_here"),
            namespaces: self.names(&it.namespaces, "namespaces"),
            streaming_lists: it.streaming_lists.as_ref().is_some_and(|it| *it.get_ref()),
            serve,
        }
    }

    fn stale(&mut self, text: &Text) -> u64 {
        if said(text) == Some("off") { 0 } else { self.time(text, "argocd_stale", ARGOCD_STALE, (60, 86_400)) }
    }

    fn cloudflare(&mut self, section: &Section<RawCloudflare>) -> CloudflareConfig {
        let (it, title) = (&section.it, "[[cloudflare]]");
        let token = self.need(&it.token_file, "token_file", title, &section.at);
        if each(&it.zones).next().is_none() && !self.report.is_unread(&section.at, "zones") {
            let at = it.zones.as_ref().and_then(|zones| zones.first()).map_or(section.at.clone(), Spanned::span);
            self.report
                .at(at, format!("{title} has no `zones`: list the ids of the zones whose load balancers to watch"));
        }
        CloudflareConfig {
            name: self.need(&it.name, "name", title, &section.at),
            url: said(&it.url).unwrap_or(CLOUDFLARE_URL).trim_end_matches('/').to_owned(),
            account: self.need(&it.account, "account", title, &section.at),
            zones: self.names(&it.zones, "zones"),
            token_file: self.secret(Some(&token)).unwrap_or_default(),
            proxy: self.proxy(&it.proxy),
            every_s: self.time(&it.every, "every", CLOUDFLARE_EVERY, (1, 3_600)),
        }
    }

    fn probe(&mut self, section: &Section<RawProbe>) -> ProbeConfig {
        let (it, title) = (&section.it, "[[probe]]");
        let every_s = self.time(&it.every, "every", PROBE_EVERY, (1, 3_600));
        // A probe that is still waiting when the next one is due would make two samples of one moment.
        let timeout_s = self.time(&it.timeout, "timeout", PROBE_TIMEOUT.min(every_s), (1, every_s));
        let good = it.good.as_ref().and_then(|good| match status_range(good.get_ref()) {
            Ok(range) => Some(range),
            Err(why) => {
                self.report.at(good.span(), format!("`good`: {why}"));
                None
            }
        });
        if let Some(header) = &it.site_header
            && !is_header(header.get_ref())
        {
            self.report.at(header.span(), format!("`{}` is not the name of an HTTP header", header.get_ref()));
        }
        let http = WrittenHttp {
            url: &it.url,
            proxy: &it.proxy,
            headers: &it.headers,
            client_cert: &it.client_cert,
            client_key: &it.client_key,
        };
        ProbeConfig {
            name: self.need(&it.name, "name", title, &section.at),
            service: self.need(&it.service, "service", title, &section.at),
            url: self.need(&it.url, "url", title, &section.at),
            every_s,
            timeout_s,
            good: good.unwrap_or(PROBE_GOOD),
            site_header: said(&it.site_header).map(str::to_ascii_lowercase),
            window: usize::try_from(self.count(&it.window, "window", PROBE_WINDOW, (1, 100))).unwrap_or(1),
            ca_file: self.may_path(&it.ca_file, "ca_file"),
            http: self.http(&http),
        }
    }

    /// A list of names: none empty, none twice.
    pub fn names(&mut self, list: &Texts, key: &str) -> Vec<String> {
        let names: Vec<(Range<usize>, &String)> = each(list).map(|name| (name.span(), name.get_ref())).collect();
        self.words(&names, key)
    }

    /// The same of names that stand alone or in a list.
    pub fn words(&mut self, names: &[(Range<usize>, &String)], key: &str) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        for (at, name) in names {
            if name.trim().is_empty() {
                let what =
                    if names.len() == 1 { "is empty: leave the line out instead" } else { "holds an empty name" };
                self.report.at(at.clone(), format!("`{key}` {what}"));
            } else if out.contains(name) {
                self.report.at(at.clone(), format!("`{name}` is in `{key}` twice"));
            } else {
                out.push((*name).clone());
            }
        }
        out
    }

    fn rules(&mut self, section: Option<&Section<RawRules>>) -> EntryRules {
        let silent = RawRules::default();
        let it = section.map_or(&silent, |section| &section.it);
        let open_on = match &it.open_on {
            Some(_) => self.names(&it.open_on, "open_on"),
            None => vec!["critical".to_owned()],
        };
        for edge in each(&it.ignore) {
            let text = edge.get_ref().as_str();
            let whole_names =
                text.split_once('*').is_none_or(|(family, rest)| rest.is_empty() && family.ends_with('.'));
            if !whole_names || !TransitionKind::ALL.iter().any(|kind| kind.is_ignored_by(text)) {
                let what = format!("`{text}` is not a change that is recorded");
                self.report.word(edge.span(), &what, text, &TransitionKind::ignorable());
            }
        }
        let severities = Severity::ALL.map(|severity| (severity.name(), severity));
        let opens_as = it.opens_as.as_ref().and_then(|severity| self.choice(severity, "opens_as", &severities));
        let usual = AlertWords::default();
        let words = |this: &mut Self, given: &Texts, key: &str, usual: Vec<String>| match given {
            Some(_) => this.names(given, key),
            None => usual,
        };
        let mut critical = words(self, &it.critical, "critical", usual.critical);
        // Whatever opens an incident calls a person.
        critical.extend(open_on.iter().filter(|word| !holds(&critical, word)).cloned().collect::<Vec<_>>());
        let alerts = AlertWords {
            severity_labels: words(self, &it.severity_labels, "severity_labels", usual.severity_labels),
            critical,
            info: words(self, &it.info, "info", usual.info),
            heartbeats: words(self, &it.heartbeats, "heartbeats", usual.heartbeats),
        };
        EntryRules {
            open_on,
            alerts,
            ignore: self.names(&it.ignore, "ignore"),
            per_minute: u32::try_from(self.count(&it.per_minute, "per_minute", PER_MINUTE, (1, 600))).unwrap_or(1),
            opens_as: opens_as.unwrap_or(Severity::Sev1),
        }
    }

    fn policy(&mut self, section: Option<&Section<RawPolicy>>, options: LoadOptions) -> Policy {
        let silent = RawPolicy::default();
        let it = section.map_or(&silent, |section| &section.it);
        if let Some(quorum) = &it.quorum
            && *quorum.get_ref() < 2
        {
            let what = format!("`quorum` is {}: a dangerous act needs at least two persons, always", quorum.get_ref());
            self.report.at(quorum.span(), what);
        } else {
            self.count(&it.quorum, "quorum", QUORUM, (2, 10));
        }
        let level = it.level.as_ref().and_then(|level| self.level(level));
        Policy {
            quorum: it.quorum.as_ref().and_then(|q| u32::try_from(*q.get_ref()).ok()).unwrap_or(2).max(2),
            level: match level {
                // Nobody in a drill is known better than by the name they gave.
                _ if options.drill => Level::Drill,
                Some(level) => level,
                // Where several accounts come in, `sudo` must not make one person two; one's own room has one account.
                None if options.serve => Level::Session,
                None => Level::Account,
            },
            ttl_s: self.time(&it.ttl, "ttl", TTL, (60, 86_400)),
        }
    }

    fn level(&mut self, level: &Spanned<String>) -> Option<Level> {
        let words = ["account", "session", "key", "touch"].map(|word| (word, word));
        match self.choice(level, "level", &words)? {
            "account" => Some(Level::Account),
            "session" => Some(Level::Session),
            higher => {
                let what = format!(
                    "`level = \"{higher}\"`: this version takes no signatures of persons, so no plan could ever be approved; \
                     use \"session\" or \"account\""
                );
                self.report.at(level.span(), what);
                None
            }
        }
    }
}
