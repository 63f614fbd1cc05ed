//! The checks that several verdicts share, and the words of the refusals.

use crate::model::plan::RefusalKind as Kind;
use crate::model::{Actor, Level, Login, PersonRole, Plan, Refusal, SafeText};

use super::authorize::{Authorization, MAX_OPEN, Requester, RoomNow};
use super::{PlanRecord, PlanState};

pub(super) fn operator(asker: Requester) -> Authorization {
    match asker.role {
        None => no(
            Kind::Unmapped,
            format!("{} is not in the people file, so you can only watch.", asker.actor.person),
            "Have your account added to people.toml and the room reloaded.",
        ),
        Some(PersonRole::Observer) => no(
            Kind::NotOperator,
            format!("{} is an observer; this needs an operator.", asker.actor.person),
            "Ask an operator, or have the role added to people.toml.",
        ),
        Some(_) => Ok(()),
    }
}

pub(super) fn recording(room: RoomNow) -> Authorization {
    match room.degraded {
        None => Ok(()),
        Some(why) => no(
            Kind::Degraded,
            format!("The room can't record, so it does not act: {}.", why.as_str().trim_end_matches('.')),
            "Repair the room's disk, or after damage stop the room and run `warroom ledger new --after-damage`; for now use \
             plan show --manual and write down what you do.",
        ),
    }
}

/// Is who asks known as surely as is asked for? If not, the refusal says what is wrong with the login.
pub(super) fn level(asker: Requester, needed: Level, room: RoomNow) -> Authorization {
    let who = asker.actor;
    if is_enough(who, needed, room) {
        return Ok(());
    }
    if needed == Level::Session && who.level == Level::Account {
        return no_session(who, asker.login);
    }
    too_low(who, needed)
}

/// The same of somebody who is not here to be told what to do about it.
pub(super) fn known_well_enough(who: &Actor, needed: Level, room: RoomNow) -> Authorization {
    if is_enough(who, needed, room) { Ok(()) } else { too_low(who, needed) }
}

fn is_enough(who: &Actor, needed: Level, room: RoomNow) -> bool {
    if who.level == Level::Drill { room.drill } else { who.level >= needed }
}

fn too_low(who: &Actor, needed: Level) -> Authorization {
    let (is, must) = (level_words(who.level), level_words(needed));
    no(
        Kind::LevelTooLow,
        format!("{} is known by {is}; this needs {must}.", who.person),
        format!("Connect again so that you are known by {must}."),
    )
}

/// What sets the uid of a login, and what to do where nothing can.
const LOGIN_IS_SET_BY: &str = "sshd sets it with `UsePAM yes` in sshd_config and `session required pam_loginuid.so` in \
                               /etc/pam.d/sshd. Where that can't be had, `level = \"account\"` under [policy] in \
                               warroom.toml lowers the room, and then sudo makes one person two";

/// An account whose login does not bear it out.
fn no_session(who: &Actor, login: Login) -> Authorization {
    let person = &who.person;
    match login {
        Login::Uid(uid) => no(
            Kind::LoginuidMismatch,
            format!("You are {person} here, but uid {uid} logged in, which is no account of {person}."),
            format!(
                "Log in as {person} by ssh, and run it there without sudo or su. The login uid: {LOGIN_IS_SET_BY}."
            ),
        ),
        Login::Unset => no(
            Kind::LevelTooLow,
            format!("{person} is known by the account alone: no login uid is set where you run this."),
            format!("Log in by ssh and run it there; {LOGIN_IS_SET_BY}."),
        ),
        Login::Gone => no(
            Kind::LevelTooLow,
            format!(
                "{person} is known by the account alone: the process that connected ended before it was looked at."
            ),
            "Run it again, and let the process that connects stay until it has its answer.",
        ),
        Login::Hidden => no(
            Kind::LevelTooLow,
            format!("{person} is known by the account alone: the room can't read the login uid of your process."),
            "Let the room's account see /proc/PID/loginuid: no hidepid, `ProtectProc=default` in its unit, a kernel with \
             auditing, and no other PID namespace between you and the room. Where that can't be had, `level = \"account\"` \
             under [policy] in warroom.toml lowers the room, and then sudo makes one person two.",
        ),
    }
}

pub(super) fn level_words(level: Level) -> &'static str {
    match level {
        Level::Drill => "a drill name",
        Level::Account => "your account",
        Level::Session => "your login session",
        Level::Key => "a personal signature",
        Level::Touch => "a signature by a touched security key",
    }
}

pub(super) fn name(plan: &Plan, typed: &str) -> Authorization {
    if typed == plan.confirm {
        return Ok(());
    }
    no(
        Kind::NameMismatch,
        format!("You typed \"{typed}\"; what will move is {}.", plan.confirm),
        format!("Type {} if that is what you mean.", plan.confirm),
    )
}

pub(super) fn unchanged(record: &PlanRecord, room: RoomNow) -> Authorization {
    if record.plan.policy.digest == room.policy_digest && record.plan.people_digest == room.people_digest {
        return Ok(());
    }
    config_changed("this plan was proposed", "Propose it again under the present rules.")
}

pub(super) fn still_open(record: &PlanRecord) -> Authorization {
    let plan = &record.plan.plan;
    match record.state {
        PlanState::Proposed | PlanState::Approved => Ok(()),
        PlanState::Executing => {
            no(Kind::Claimed, format!("Plan {plan} is already running."), "Hold it to stop before its next step.")
        }
        PlanState::Expired => expired(record.says.as_str()),
        state => no(
            Kind::PlanClosed,
            format!("Plan {plan} was {}{}.", ended_words(state), because(&record.says)),
            "Propose a new plan if it is still needed.",
        ),
    }
}

pub(super) fn ended_words(state: PlanState) -> &'static str {
    match state {
        PlanState::Succeeded => "carried out",
        PlanState::Failed => "tried and failed",
        other => other.name(),
    }
}

pub(super) fn because(says: &SafeText) -> String {
    if says.is_empty() { String::new() } else { format!(": {}", says.as_str().trim_end_matches('.')) }
}

pub(super) fn refuse_proposer(record: &PlanRecord, who: &Actor) -> Authorization {
    let remedy =
        format!("Ask another operator to read code {} and approve it; you can withdraw it.", record.digest.spoken());
    if who.level == Level::Drill || who.uid == record.by.uid {
        return no(Kind::SelfApproval, "You proposed this plan; a second person has to confirm it.", remedy);
    }
    no(
        Kind::SamePerson,
        format!("This account belongs to {}, who proposed the plan; two accounts are one person.", record.by.person),
        remedy,
    )
}

pub(super) fn refuse_again(record: &PlanRecord, before: &Actor, who: &Actor) -> Authorization {
    if who.level == Level::Drill || who.uid == before.uid {
        return no(
            Kind::AlreadyApproved,
            format!("You approved this plan already; it is {}.", record.state.name()),
            "Nothing more is needed from you.",
        );
    }
    no(
        Kind::SamePerson,
        format!("{} approved this plan already from another account; two accounts are one person.", before.person),
        "Another operator has to approve it.",
    )
}

pub(super) fn no_quorum(record: &PlanRecord) -> Authorization {
    let missing = record.missing_persons().max(1);
    no(
        Kind::NoQuorum,
        format!(
            "Plan {} still needs {missing} more {}.",
            record.plan.plan,
            if missing == 1 { "person" } else { "persons" }
        ),
        "Ask another operator to read and approve it.",
    )
}

pub(super) fn expired(why: &str) -> Authorization {
    let why = why.trim_end_matches('.');
    no(Kind::Expired, format!("The plan expired: {why}."), "Propose the same again; it will be built on fresh facts.")
}

pub(super) fn config_changed(since: &str, remedy: &str) -> Authorization {
    no(Kind::ConfigChanged, format!("The policy or the people file changed since {since}."), remedy)
}

pub(super) fn too_many(open: usize) -> Authorization {
    no(
        Kind::Rate,
        format!("{open} plans are open; a room holds {MAX_OPEN}."),
        "Settle one of them first, or propose in its place.",
    )
}

pub(super) fn unknown_plan(plan: &str) -> Refusal {
    Refusal::new(
        Kind::UnknownPlan,
        format!("There is no plan {plan} in this room."),
        "List the plans and name one of them.",
    )
}

pub(super) fn no(kind: Kind, why: impl AsRef<str>, remedy: impl AsRef<str>) -> Authorization {
    Err(Refusal::new(kind, why, remedy))
}
