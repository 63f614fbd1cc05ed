//! What a client knows: the fold of the entries it received, the rows of the board, and the state of the link.

use crate::board::{Row, Topic};
use crate::clock::Clock;
use crate::model::entry::LogLine;
use crate::model::plan::Recheck;
use crate::model::{Digest, Entry, PlanId, Refusal, SafeText, Stamp};
use crate::protocol::{LogRoom, Push, Welcome, Who};
use crate::seal;
use crate::timeline::{Keep, Story};

use super::tracked::{Tracked, TrackedBoard};

/// Items of the latest incident that a client keeps, whatever the log has; earlier ones are read when somebody wants them.
pub const KEPT: usize = 2_000;
/// The most that a room may say of its log's incidents before the first entry, bytes.
const MOST_HEADS: usize = 64 << 20;

/// The entries of lines, as far as they verify.
pub fn entries(lines: &[LogLine]) -> impl Iterator<Item = Entry> + '_ {
    lines.iter().filter_map(|line| seal::decode(line).ok())
}

/// The state of the connection, shown in the header.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkState {
    /// Not connected yet.
    Connecting,
    /// Connected; the room was last heard at this instant.
    Live {
        /// By this client's clock, when it last said something by itself: it pings every 15 s.
        heard_at: Stamp,
    },
    /// Lost; tried again with back-off.
    Lost {
        /// When the first attempt failed of those that failed one after the other.
        since: Stamp,
        /// Of the last attempt.
        why: SafeText,
    },
    /// The room said no to this client; nothing is tried again.
    Refused {
        /// When the refusal came.
        since: Stamp,
        /// The refusal's reason, without what would allow it.
        why: SafeText,
    },
}

/// What the connection tells its owner.
#[derive(Clone, Debug)]
pub enum ClientEvent {
    /// Connected (again). Rows follow as snapshots, entries from where the client left off.
    Linked(Box<Welcome>),
    /// The connection ended; the client is trying again.
    Lost {
        /// What ended the connection, or kept it from being made: in words for a person.
        why: SafeText,
    },
    /// The room refused the hello; the client has given up.
    Refused(Refusal),
    /// The log is another history than the one that this account saw before. Told before what shows it.
    Forked {
        /// Id that the room's log has now: `--accept-log` wants it.
        log: SafeText,
        /// What does not fit, in words for a person.
        why: SafeText,
    },
    /// Something about what this account keeps that its user must know. Told once; nothing ends by it.
    Notice {
        /// A sentence about a file of this account, for example that it is damaged and was begun anew.
        text: SafeText,
    },
    /// The room said something.
    Push(Push),
}

/// Everything a client knows. Applying an event is pure but for `now`.
#[derive(Clone, Debug)]
pub struct Mirror {
    /// Rows and entries stay as they are while this is not `Live`.
    pub link: LinkState,
    /// The newest one; `None` until the first connection. Speed, if it is a drill, is kept up to date in it.
    pub welcome: Tracked<Option<Welcome>>,
    /// The fold of every entry received.
    pub story: Tracked<Story>,
    /// Only topics of which the room sent something; kept while the link is lost.
    pub board: TrackedBoard,
    /// As the room said last: persons with their consoles, this one among them. Kept while the link is lost.
    pub present: Tracked<Vec<Who>>,
    /// Last entry received: number and hash.
    pub head: Option<(u64, Digest)>,
    /// The room has sent everything up to here at least once.
    pub caught_up: bool,
    /// Why recording and acting are off.
    pub degraded: Option<SafeText>,
    /// That the log has little room left.
    pub log_room: Option<LogRoom>,
    /// What the plans that wait rest on, as it is now.
    pub rechecks: Vec<Recheck>,
    /// An entry did not verify, or this is another history than was seen before: shown, never repaired.
    pub broken: Option<SafeText>,
    /// Why the log that is linked next is another history.
    pub forked: Option<SafeText>,
    /// What came so far of what the room made of its log.
    #[doc(hidden)]
    pub heads: String,
}

impl Default for Mirror {
    fn default() -> Self {
        Self {
            link: LinkState::Connecting,
            welcome: Tracked::default(),
            story: Tracked::default(),
            board: TrackedBoard::default(),
            present: Tracked::default(),
            head: None,
            caught_up: false,
            degraded: None,
            log_room: None,
            rechecks: Vec::new(),
            broken: None,
            forked: None,
            heads: String::new(),
        }
    }
}

impl Mirror {
    /// What a waiting plan rests on now, as far as the room said.
    pub fn recheck(&self, plan: &PlanId) -> Option<&Recheck> {
        self.rechecks.iter().find(|it| it.plan == *plan)
    }

    /// Rows of a topic, in the order they are shown.
    pub fn rows(&self, topic: Topic) -> &[Row] {
        self.board.get(&topic).map_or(&[], |view| view.rows.as_slice())
    }

    /// Takes in an event. `clock` is set by the room's where the event says so.
    pub fn apply(&mut self, event: ClientEvent, clock: &Clock) {
        match event {
            ClientEvent::Linked(welcome) => self.linked(*welcome, clock),
            ClientEvent::Lost { why } => self.lost(why, clock),
            ClientEvent::Refused(refusal) => {
                self.lost(refusal.why.clone(), clock);
                self.link = LinkState::Refused { since: clock.now(), why: refusal.why };
            }
            ClientEvent::Forked { why, .. } => {
                self.broken.get_or_insert_with(|| why.clone());
                self.forked = Some(why);
            }
            // It is no state: whoever hears it says it.
            ClientEvent::Notice { .. } => {}
            ClientEvent::Push(push) => {
                self.link = LinkState::Live { heard_at: clock.now() };
                self.push(push, clock);
            }
        }
    }

    fn linked(&mut self, welcome: Welcome, clock: &Clock) {
        clock.sync_to(welcome.clock);
        let same_log = self.welcome.as_ref().is_some_and(|before| before.log == welcome.log);
        if !same_log {
            self.story = Tracked::default();
            self.head = None;
            self.broken = self.forked.clone();
        }
        self.forked = None;
        self.heads.clear();
        self.caught_up = false;
        self.degraded = welcome.degraded.clone();
        self.log_room = welcome.log_room.clone();
        self.rechecks.clear();
        self.welcome = Some(welcome).into();
        self.link = LinkState::Live { heard_at: clock.now() };
    }

    fn lost(&mut self, why: SafeText, clock: &Clock) {
        let since = match &self.link {
            LinkState::Lost { since, .. } => *since,
            _ => clock.now(),
        };
        self.link = LinkState::Lost { since, why };
    }

    fn push(&mut self, push: Push, clock: &Clock) {
        match push {
            Push::Entries(lines) => {
                for line in &lines {
                    if let Err(why) = self.entry(line) {
                        self.broken.get_or_insert_with(|| SafeText::new(&why));
                    }
                }
            }
            Push::Heads { seq, head, part, more } => self.heads((seq, head), &part, more),
            Push::Earlier(lines) => self.earlier(&lines),
            Push::CaughtUp { seq } => {
                self.caught_up = true;
                // Nothing acknowledged is ever absent later: a log that is shorter now is another history.
                if let Some((held, _)) = self.head.filter(|(held, _)| *held > seq) {
                    let why = format!("the room's log ends at entry {seq}; this console holds entry {held} of it");
                    self.broken.get_or_insert_with(|| SafeText::new(&why));
                }
            }
            Push::Board(delta) => {
                let topic = delta.topic;
                delta.apply(self.board.topic_mut(topic));
            }
            Push::Presence(present) => self.present = present.into(),
            Push::Clock(sync) => {
                clock.sync_to(sync);
                if let Some(drill) = self.welcome.as_mut().and_then(|welcome| welcome.drill.as_mut()) {
                    drill.speed = sync.speed;
                }
            }
            Push::Degraded(why) => self.degraded = why,
            Push::LogRoom(room) => self.log_room = room,
            Push::Rechecks(all) => self.rechecks = all,
            Push::Ping => {}
        }
    }

    /// Begins with what the room made of its log: entries that follow link to its last one.
    fn heads(&mut self, head: (u64, Digest), part: &str, more: bool) {
        if self.heads.len() + part.len() > MOST_HEADS {
            self.heads.clear();
            self.broken.get_or_insert_with(|| SafeText::new("what the room says of its log has no end"));
            return;
        }
        self.heads.push_str(part);
        if more {
            return;
        }
        match Story::from_json(std::mem::take(&mut self.heads).as_bytes(), Keep::Newest(KEPT)) {
            Ok(story) => (self.story, self.head) = (story.into(), Some(head)),
            Err(error) => {
                let why =
                    format!("what the room says of its log can't be read ({error}): run the version that it runs");
                self.broken.get_or_insert_with(|| SafeText::new(&why));
            }
        }
    }

    /// Takes in entries that the room folded before: they are shown, and change nothing.
    pub fn earlier(&mut self, lines: &[LogLine]) {
        for line in lines {
            match seal::decode(line) {
                Ok(entry) => self.story.put_back(entry),
                Err(error) => {
                    let why = format!("an entry from the room does not verify: {error}");
                    self.broken.get_or_insert_with(|| SafeText::new(&why));
                }
            }
        }
    }

    /// Takes in a page of entries before `before`, and keeps them as long as there are no more than `most` in all.
    pub fn read_back(&mut self, lines: &[LogLine], before: u64, most: usize) {
        let held = self.story.latest().map_or(0, |incident| incident.items.len());
        self.story.keep = Keep::Newest((held + lines.len()).clamp(KEPT, most));
        let is_before = |line: &&LogLine| match seal::scan_line(line.line.as_bytes()) {
            Ok(seal::ChainLine::Entry(found)) => found.seq < before,
            _ => false,
        };
        let lines: Vec<LogLine> = lines.iter().filter(is_before).cloned().collect();
        self.earlier(&lines);
    }

    /// Nobody looks at old entries any more: as many as ever are kept.
    pub fn follow(&mut self) {
        if matches!(self.story.keep, Keep::Newest(most) if most > KEPT) {
            self.story.keep = Keep::Newest(KEPT);
        }
    }

    /// Verifies one entry against the last and folds it in. A broken one is folded too: it is shown, with the banner.
    fn entry(&mut self, line: &LogLine) -> Result<(), String> {
        let entry = seal::decode(line).map_err(|error| format!("an entry from the room does not verify: {error}"))?;
        let link = match self.head {
            Some((seq, _)) if seq.checked_add(1) != Some(entry.seq) => {
                Err(format!("the room sent entry {} after {seq}: entries are missing", entry.seq))
            }
            Some((seq, hash)) if entry.prev != hash => {
                Err(format!("entry {} does not link to the entry {seq} this console holds", entry.seq))
            }
            _ => Ok(()),
        };
        self.head = Some((entry.seq, entry.hash));
        self.story.apply(&entry);
        link
    }
}
