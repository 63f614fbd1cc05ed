//! `people.toml`: who is who. It alone gives roles; a mistake in it would give one person two voices, so every doubt is an
//! error. A missing file is not one: then everyone observes.

use std::collections::BTreeMap;
use std::path::Path;

use nix::unistd::User;
use sha2::{Digest as _, Sha256};

use super::kinds::*;
use super::parse::TopLevel;
use super::section::*;
use super::{Config, ConfigErrors, LoadOptions, MAX_FILE, decode, secret};
use crate::model::{Digest, Person, PersonId, PersonRole};

/// Uids below this belong to the system, not to a human.
const FIRST_HUMAN: u32 = 1000;
/// What an unmapped or foreign uid turns into: nobody in particular.
const NOBODY: u32 = 65_534;

section! {
    [[person]] RawPerson => Person {
        id as _: Text = Required("ana");
        accounts as _: ListOf = Required(["ana"]);
        roles as _: ListOf = Optional(["operator", "commander"]);
    }
}

impl Worded for PersonRole {
    const WORDS: &'static [(&'static str, Self)] =
        &[("observer", Self::Observer), ("operator", Self::Operator), ("commander", Self::Commander)];
}

/// The people, and the digest of the file they came from.
pub(super) struct People {
    pub people: Vec<Person>,
    pub digest: String,
}

/// Loads a people file for a configuration that has been resolved.
pub(super) fn load(path: &Path, options: LoadOptions, config: &Config, strict: bool) -> Result<People, ConfigErrors> {
    if matches!(path.try_exists(), Ok(false)) {
        return Ok(People { people: Vec::new(), digest: digest(&[]) });
    }
    let bytes = secret::read_file(path, MAX_FILE, strict).map_err(|why| ConfigErrors::about(path, why))?;
    let text = decode(path, &bytes)?;
    let mut report = Report::new(path, text);
    let Some(mut top) = TopLevel::parse(&mut report) else { return Err(ConfigErrors(report.into_errors())) };
    let raw = tables::<RawPerson>(&mut top, &mut report);
    top.finish(&mut report);
    let people = resolve(&raw, options, &mut report);
    if report.is_clean() {
        enough_for_quorum(&people, options, config, &mut report);
    }
    if report.is_clean() {
        Ok(People { people, digest: digest(&bytes) })
    } else {
        Err(ConfigErrors(report.into_errors()))
    }
}

fn digest(bytes: &[u8]) -> String {
    Digest(Sha256::digest(bytes).into()).to_string()
}

fn resolve(raw: &[RawTable<RawPerson>], options: LoadOptions, report: &mut Report<'_>) -> Vec<Person> {
    let mut owners = Owners::default();
    let mut people = Vec::new();
    for section in raw {
        let id = id_of(section, &mut owners, report);
        let roles = roles_of(section, report);
        let (accounts, uids) = accounts_of(section, &id, options, &mut owners, report);
        people.push(Person { id: PersonId::from(id), accounts, uids, roles });
    }
    people
}

/// Who holds which name, account and uid already.
#[derive(Default)]
struct Owners {
    ids: BTreeMap<String, ()>,
    accounts: BTreeMap<String, String>,
    uids: BTreeMap<u32, String>,
}

fn id_of(section: &RawTable<RawPerson>, owners: &mut Owners, report: &mut Report<'_>) -> String {
    let Some(id) = &section.it.id else {
        report.at(section.at.clone(), "[[person]] has no `id`");
        return String::new();
    };
    let name = id.get_ref().clone();
    if !is_plain(&name) {
        let what = format!(
            "`{name}` can't be a person's id: use up to 63 ASCII letters, digits, `.`, `_` and `-`, a letter or digit first"
        );
        report.at(id.span(), what);
    }
    if name == "room" {
        report.at(id.span(), "`room` is what the program calls itself in the timeline: choose another id");
    }
    if owners.ids.insert(name.clone(), ()).is_some() {
        report.at(id.span(), format!("two persons are called `{name}`: give one [[person]] all of their accounts"));
    }
    name
}

fn roles_of(section: &RawTable<RawPerson>, report: &mut Report<'_>) -> Vec<PersonRole> {
    let valid: Vec<&str> = PersonRole::WORDS.iter().map(|(word, _)| *word).collect();
    let mut roles = Vec::new();
    for word in each(&section.it.roles) {
        let written = word.get_ref().as_str();
        match PersonRole::WORDS.iter().find(|(known, _)| *known == written) {
            Some((_, role)) => roles.push(*role),
            None => report.word(word.span(), &format!("`{written}` is not a role"), written, &valid),
        }
    }
    roles
}

fn accounts_of(
    section: &RawTable<RawPerson>,
    person: &str,
    options: LoadOptions,
    owners: &mut Owners,
    report: &mut Report<'_>,
) -> (Vec<String>, Vec<u32>) {
    if each(&section.it.accounts).next().is_none() {
        report.at(section.at.clone(), "[[person]] has no `accounts`: list their login names on this host, or uids");
    }
    let (mut accounts, mut uids) = (Vec::new(), Vec::new());
    for account in each(&section.it.accounts) {
        let name = account.get_ref().clone();
        if let Some(other) = owners.accounts.insert(name.clone(), person.to_owned()) {
            report.at(account.span(), belongs_twice(&format!("account `{name}`"), person, &other));
            continue;
        }
        match uid_of(account, options, report) {
            Some(uid) if may_be_human(uid, account, options, report) => {
                if let Some(other) = owners.uids.insert(uid, person.to_owned()) {
                    report.at(account.span(), belongs_twice(&format!("uid {uid} (`{name}`)"), person, &other));
                }
                uids.push(uid);
            }
            _ => {}
        }
        accounts.push(name);
    }
    (accounts, uids)
}

fn belongs_twice(what: &str, person: &str, other: &str) -> String {
    if person == other {
        format!("{what} is listed twice for `{person}`")
    } else {
        format!(
            "{what} belongs to `{other}` already: one account is one person's, or two approvals could be one human's"
        )
    }
}

/// The uid of an account on this host. A drill's persons need no account: they go by the name they give.
fn uid_of(account: &Spanned<String>, options: LoadOptions, report: &mut Report<'_>) -> Option<u32> {
    let name = account.get_ref().as_str();
    if !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit()) {
        let uid = name.parse().ok().filter(|uid| *uid != u32::MAX);
        if uid.is_none() {
            report.at(account.span(), format!("`{name}` is too large for a uid"));
        }
        return uid;
    }
    let wrong = name.is_empty()
        || name.len() > 256
        || name.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '*' | '?' | ':' | '/'));
    if wrong {
        report.at(
            account.span(),
            format!("`{name}` is not a login name: name each account in full, wildcards match nobody"),
        );
        return None;
    }
    if options.drill {
        return None;
    }
    match User::from_name(name) {
        Ok(Some(user)) => Some(user.uid.as_raw()),
        Ok(None) => {
            let what =
                format!("there is no account `{name}` on this host: correct the name, or give its uid as \"1234\"");
            report.at(account.span(), what);
            None
        }
        Err(error) => {
            let what = format!("account `{name}` could not be looked up ({}): give its uid as \"1234\"", error.desc());
            report.at(account.span(), what);
            None
        }
    }
}

fn may_be_human(uid: u32, account: &Spanned<String>, options: LoadOptions, report: &mut Report<'_>) -> bool {
    if options.drill {
        return true;
    }
    let name = account.get_ref();
    let why = match uid {
        0 => format!("`{name}` is root, and root is nobody in particular: map each person's own account"),
        NOBODY => format!("`{name}` is uid {NOBODY}, which stands for unknown users: map each person's own account"),
        uid if uid < FIRST_HUMAN => format!("`{name}` is uid {uid}, a system account: map each person's own account"),
        _ => return true,
    };
    report.at(account.span(), why);
    false
}

/// A room in which a configured action could never be approved is refused before the night it is needed. Someone alone
/// on a laptop (solo) may still watch and take notes: there the room answers `no_quorum`.
fn enough_for_quorum(people: &[Person], options: LoadOptions, config: &Config, report: &mut Report<'_>) {
    let action = config.objectives.iter().find_map(|objective| {
        let failover = objective.can_fail_over();
        let restore = !objective.schedules.is_empty();
        (failover || restore)
            .then(|| format!("{} of `{}`", if failover { "failover" } else { "restore" }, objective.service))
    });
    let Some(action) = action.filter(|_| options.serve || options.drill) else { return };
    let operators = people
        .iter()
        .filter(|person| person.role() >= PersonRole::Operator && (options.drill || !person.uids.is_empty()))
        .count();
    let quorum = usize::try_from(config.policy.quorum).unwrap_or(usize::MAX);
    if operators < quorum {
        let what = format!(
            "{operators} of these persons may approve, but the policy asks for {quorum}: no {action} could ever run; \
             give more persons the role `operator`"
        );
        report.at(0..0, what);
    }
}
