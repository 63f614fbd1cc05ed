//! The named rules: what must hold between the lines of `warroom.toml`. Each rule looks at the raw tables, so that it can
//! point at the very word that breaks it. Rules about one value alone are where that value is made, in `resolve`.

use std::collections::BTreeMap;

use toml::Spanned;

use super::LoadOptions;
use super::error::Report;
use super::one_or_many::values;
use super::raw::{RawFile, Section, Text, Texts};
use super::url::{Strict, UrlUse, check as check_url};
use crate::model::gitops::destination::is_own;

/// What may stand before `/` in `apps`.
const APP_KINDS: [&str; 3] = ["application", "kustomization", "helmrelease"];

/// Every rule, in the order in which its errors are least surprising.
pub(super) fn all(raw: &RawFile, options: LoadOptions, report: &mut Report<'_>) {
    names_are_plain_and_unique(raw, report);
    addresses_are_safe(raw, options, report);
    namespaces_can_be_read(raw, report);
    services_refer_to_what_exists(raw, report);
    apps_are_patterns(raw, report);
    destinations_are_one_clusters(raw, report);
    probes_belong_to_services(raw, report);
    super::slo::can_be_asked(raw, report);
}

/// What a text says, if it is there.
pub(super) fn said(text: &Text) -> Option<&str> {
    text.as_ref().map(|text| text.get_ref().as_str())
}

/// The texts of a list, if it is there.
pub(super) fn each(texts: &Texts) -> impl Iterator<Item = &Spanned<String>> {
    texts.iter().flatten()
}

/// Whether a text can be a name: it is typed, logged and put into URLs.
pub(super) fn is_plain(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphanumeric())
        && name.len() <= 63
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

fn names_are_plain_and_unique(raw: &RawFile, report: &mut Report<'_>) {
    let room = raw.room.iter().map(|room| &room.it.name);
    let lists: [(&str, Vec<&Text>); 7] = [
        ("room", room.collect()),
        ("cluster", raw.clusters.iter().map(|s| &s.it.name).collect()),
        ("alertmanager", raw.alertmanagers.iter().map(|s| &s.it.name).collect()),
        ("prometheus", raw.prometheus.iter().map(|s| &s.it.name).collect()),
        ("cloudflare", raw.cloudflare.iter().map(|s| &s.it.name).collect()),
        ("probe", raw.probes.iter().map(|s| &s.it.name).collect()),
        ("service", raw.services.iter().map(|s| &s.it.name).collect()),
    ];
    for (kind, names) in lists {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for name in names.into_iter().flatten() {
            let text = name.get_ref().as_str();
            if !is_plain(text) {
                let what = format!(
                    "`{text}` can't be the name of a {kind}: use up to 63 ASCII letters, digits, `.`, `_` and `-`, \
                     a letter or digit first"
                );
                report.at(name.span(), what);
            }
            let line = super::error::place(report.text(), name.span().start).0;
            if let Some(first) = seen.insert(text, line) {
                report.at(name.span(), format!("two {kind}s are called `{text}`; the first is in line {first}"));
            }
        }
    }
}

/// The namespaces that may be read have names as Kubernetes takes them.
fn namespaces_can_be_read(raw: &RawFile, report: &mut Report<'_>) {
    for namespace in raw.clusters.iter().flat_map(|cluster| each(&cluster.it.namespaces)) {
        let name = namespace.get_ref().as_str();
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let is_label = !name.is_empty() && name.len() <= 63 && name.bytes().all(fits);
        if !is_label || name.starts_with('-') || name.ends_with('-') {
            let what = format!(
                "`{name}` can't be a namespace: they are named in full, in lower-case letters, digits and dashes; \
                 leave `namespaces` out to read all of them"
            );
            report.at(namespace.span(), what);
        }
    }
}

fn addresses_are_safe(raw: &RawFile, options: LoadOptions, report: &mut Report<'_>) {
    let allow: Vec<&str> = raw.network.iter().flat_map(|n| each(&n.it.allow)).map(|a| a.get_ref().as_str()).collect();
    // A drill's world is on this host; whether or not its room is served, nothing else is asked.
    let strict = Strict { serve: options.serve, allow: &allow };
    let alertmanagers = raw.alertmanagers.iter().map(|s| (&s.it.url, UrlUse::Base));
    let cloudflare = raw.cloudflare.iter().map(|s| (&s.it.url, UrlUse::Base));
    let probes = raw.probes.iter().map(|s| (&s.it.url, UrlUse::Exact));
    let prometheus = raw.prometheus.iter().map(|s| (&s.it.url, UrlUse::Base));
    for (url, purpose) in alertmanagers.chain(prometheus).chain(cloudflare).chain(probes) {
        let Some(url) = url else { continue };
        if let Err(why) = check_url(url.get_ref(), purpose, strict) {
            report.at(url.span(), why);
        }
    }
    for url in raw.alertmanagers.iter().filter_map(|s| s.it.url.as_ref()) {
        let path = url.get_ref().trim_end_matches('/');
        if path.ends_with("/api/v2") || path.ends_with("/api/v1") {
            report.at(url.span(), "leave out `/api/v2`: give the address that a browser would show Alertmanager at");
        }
    }
}

pub(super) fn names<T>(sections: &[Section<T>], name: impl Fn(&T) -> &Text) -> Vec<&str> {
    sections.iter().filter_map(|section| said(name(&section.it))).collect()
}

fn services_refer_to_what_exists(raw: &RawFile, report: &mut Report<'_>) {
    let clusters = names(&raw.clusters, |c| &c.name);
    let probes = names(&raw.probes, |p| &p.name);
    for service in &raw.services {
        let primary = service.it.primary.iter().map(|it| ("primary", it.span(), it.get_ref()));
        let dr = values(&service.it.dr).into_iter().map(|(at, name)| ("dr", at, name));
        for (key, at, name) in primary.chain(dr) {
            if !clusters.contains(&name.as_str()) {
                let what = format!("`{key}` names `{name}`, which is not a [[cluster]]");
                report.word(at, &what, name, &clusters);
            }
        }
        for probe in each(&service.it.probes) {
            let name = probe.get_ref().as_str();
            if !probes.contains(&name) {
                report.word(probe.span(), &format!("`{name}` is not a [[probe]]"), name, &probes);
            }
        }
    }
}

fn apps_are_patterns(raw: &RawFile, report: &mut Report<'_>) {
    let only_here = raw.clusters.iter().flat_map(|c| each(&c.it.only_here));
    for app in raw.services.iter().flat_map(|s| each(&s.it.apps)).chain(only_here) {
        let text = app.get_ref();
        if text.trim_end_matches('*').contains('*') || text.ends_with("**") {
            report.at(app.span(), format!("`{text}`: `*` can only end a name, as in `shop-*`"));
        }
        if let Some((kind, name)) = text.split_once('/') {
            if !APP_KINDS.contains(&kind.to_ascii_lowercase().as_str()) {
                report.word(app.span(), &format!("`{kind}` in `{text}` is no kind of application"), kind, &APP_KINDS);
            } else if name.is_empty() || name.contains('/') {
                report.at(app.span(), format!("`{text}`: write it as `{kind}/NAME`"));
            }
        }
    }
}

/// What applications are deployed to is one cluster, and never "the one that this is on".
fn destinations_are_one_clusters(raw: &RawFile, report: &mut Report<'_>) {
    let mut known: BTreeMap<&str, &str> =
        raw.clusters.iter().filter_map(|c| said(&c.it.name)).map(|name| (name, name)).collect();
    for cluster in &raw.clusters {
        let name = said(&cluster.it.name).unwrap_or_default();
        for word in each(&cluster.it.destinations) {
            let text = word.get_ref().as_str();
            if text == "in-cluster" || is_own(text) {
                let what = format!("`{text}` is any cluster that runs an Argo CD of its own: leave it out");
                report.at(word.span(), what);
            } else if let Some(other) = known.insert(text, name).filter(|other| *other != name) {
                report.at(word.span(), format!("`{text}` is a destination of cluster `{other}` already"));
            }
        }
    }
}

fn probes_belong_to_services(raw: &RawFile, report: &mut Report<'_>) {
    let services = names(&raw.services, |s| &s.name);
    for probe in &raw.probes {
        let Some(service) = &probe.it.service else { continue };
        let name = service.get_ref().as_str();
        if !services.contains(&name) {
            report.word(
                service.span(),
                &format!("`service` names `{name}`, which is not a [[service]]"),
                name,
                &services,
            );
        }
        for other in &raw.services {
            let claims = each(&other.it.probes).find(|p| Some(p.get_ref().as_str()) == said(&probe.it.name));
            if let Some(claim) = claims
                && said(&other.it.name) != Some(name)
            {
                let what = format!("`{}` is a probe of service `{name}`, not of this one", claim.get_ref());
                report.at(claim.span(), what);
            }
        }
    }
}
