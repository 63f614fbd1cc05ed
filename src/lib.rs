//! warroom: a full-screen terminal console for running an outage.
//!
//! Operators log in to a bastion and type `warroom`. One console shows cluster events, alerts, the age of the last
//! *restorable* backup against its RPO, GitOps parity of the DR cluster and traffic at the edge, on one clock. Everyone who
//! joins sees the same tamper-evident timeline. A key proposes a failover or a restore; nothing happens until a second
//! *person* has confirmed the same digest of the same plan.
//!
//! # The house
//!
//! A room (module) imports only rooms above it in this list or named beside it; `tests/it/tidy.rs` enforces the table.
//!
//! | room | what it is | may import |
//! | --- | --- | --- |
//! | [`model`] | nouns: observation, entry, objective, plan, person, [`model::SafeText`] | – |
//! | [`seal`] | pure: canonical JSON, entry hashing, chain check, SSHSIG and signed heads | model |
//! | [`approval`] | pure: states of a plan as a fold, who may do what, refusals | model, seal |
//! | [`timeline`] | pure: fold (entries → incident), clocks, query | model, seal, approval |
//! | [`board`] | pure: observations, judgement, edges | model, timeline |
//! | [`actions`] | pure: plan builders and preflight | model, timeline, board, approval, seal |
//! | [`postmortem`] | pure: outline → Markdown, HTML, CSV, JSON | model, timeline, approval |
//! | [`clock`] | real, stepped, scaled and manual time; randomness | – |
//! | [`config`] | files → checked values | model, clock |
//! | [`ledger`] | the durable log on disk; the only writer of timeline files | model, seal, clock |
//! | [`systems`] | one folder per outside system: client, watch, map, act | model, config, clock |
//! | [`protocol`] | messages and framing | model, timeline, approval, board, clock |
//! | [`room`] | the daemon: engine (single writer), executor, sessions, socket | all above |
//! | [`client`] | connection and mirror | protocol, timeline, board, model, seal, clock |
//! | [`console`] | the terminal program | client, protocol, pure rooms, clock, config |
//! | [`drill`] | scenario, simulated world, director, partner | model, client, protocol, clock, config |
//! | [`cli`] | subcommands; composes rooms, drill and console | all |
//!
//! The simulated world never shares a type with the clients in `systems`: shared types would repeat one mistake on both sides.
//!
//! # Never true
//!
//! 1. Nothing but the engine appends; nothing rewrites, but for the text of an entry that two persons want removed: it is
//!    overwritten once the entry that says so is durable. A broken link is shown, never repaired silently.
//! 2. The pure rooms read no clock, no file, no random source: `now` is an argument.
//! 3. Drawing changes nothing, cannot fail, and does not panic at 1×1 or 0×0.
//! 4. No single chord changes the outside world: a guarded action needs a plan view, a typed name and a second person.
//! 5. The identity of an actor never comes from a message. A drill room takes names, and says so on every line.
//! 6. An approval never outlives its plan: other digest, broken precondition, other policy or too late means no.
//! 7. Every channel, buffer and list is bounded and says what happens when it is full.
//! 8. No text from outside reaches the terminal with control, bidi or zero-width characters in it.
//! 9. A pane never looks healthy on stale or missing data.
//! 10. Logs never go to the terminal; the terminal is restored on return, error, panic and signal.
//! 11. A drill room has no real credentials loaded; every drill entry, screen and export says DRILL.
//! 12. A syntax or policy error in a file is refused with file, line, column and a suggestion. A bad credential or endpoint
//!     is not that: the room starts, and that source is red with the reason.
//! 13. A write to an outside system is never retried blindly: fixed names, and reading before deciding that it failed.
//! 14. What people state of a time or mark as a milestone never becomes what was measured: it stands beside it, with their
//!     name, meets no objective and proves nothing.
//! 15. A client says nothing to a socket before it trusts who listens there, the way to it and, after the hello, its log. No
//!     string that crossed it, or came from a log, is read but through [`model::clean`].
//!
//! # Where this house differs from its first drawing
//!
//! * An approval that would complete the quorum is recorded only after the first step's preconditions were read and hold;
//!   approval and claim are then one batch of the log. So a second person who meets drift gets the refusal `drift` in
//!   the answer, and the log never holds an approved plan that nobody could run.
//! * A silence is an ordinary action, not a plan: one operator, a preview of exactly what it hits, a typed word, an entry before
//!   and one after. It changes who is woken, not what runs.
//! * A text is removed by a request of its own, not by a plan: nothing outside changes, so there are no steps, targets and
//!   preconditions; what is confirmed is the hash of the entry that asks. The rules of persons, level and quorum are the same.
//! * A signed head is an entry of its own kind that signs the entry before it, so that no file beside the log has to be kept.
//! * A plan carries what its approvers are shown (title, now/after table, warnings) inside the hashed bytes, so there is
//!   nothing on the confirm screen that the digest does not cover.
//! * `board` and `client` share rows with the console as they are judged; rows carry instants, never ages, so that an
//!   unchanged row is never sent again only because time passed.

pub mod actions;
pub mod approval;
pub mod board;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod console;
pub mod diagnostics;
pub mod drill;
pub mod ledger;
pub mod model;
#[cfg(test)]
pub(crate) mod peers;
pub mod postmortem;
pub mod protocol;
pub mod room;
pub mod seal;
pub mod systems;
pub mod timeline;
