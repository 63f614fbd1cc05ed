//! Compares the log of a room with what this account saw of it before: asks the room for the newest entry that is known, and
//! keeps a newer one once that was found in its place.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::StreamExt;
use tokio::net::UnixStream;
use tokio_util::codec::FramedRead;

use super::known_logs::{KnownLog, KnownLogs, SeenBefore, newest};
use super::log_continuity::{LogContinuity, SeenHead};
use super::trust::{ServerAccount, Trust};
use crate::model::{Digest, Refusal, SafeText};
use crate::protocol::codec::{self, ROOM_DEPTH, ROOM_LINE};
use crate::protocol::{Hello, Push, RoomLine, Welcome};

/// A room answers a question on a connection of its own within this time, or is not waited for: its first connection is not
/// read meanwhile.
const ANSWERS_WITHIN: Duration = Duration::from_secs(3);

/// What a link knows of the log that it shows.
#[derive(Debug)]
pub(super) struct History {
    socket: PathBuf,
    logs: Option<KnownLogs>,
    witness: LogContinuity,
    /// What was known of the socket's logs before the room was asked. Another console may keep more while it answers.
    before: Vec<KnownLog>,
    /// The log and the entry that the hello asks about.
    asked: Option<(String, u64)>,
    /// The room hangs up on a hello that asks.
    asks_no_more: bool,
    /// The room that is compared, and its log; `None` if nothing of it is.
    compared: Option<(String, String)>,
    /// Its newest entry is kept.
    keeps: bool,
    /// What the user must know and was not told yet.
    unsaid: Vec<SafeText>,
    told: Vec<SafeText>,
}

/// Bytes of a room's name or a log's id, at most. No room has longer ones; kept, they would make hellos that no room reads.
const LONGEST_NAME: usize = 256;

impl History {
    /// Nothing is kept if `logs` is `None`.
    pub(super) fn new(socket: &Path, logs: Option<KnownLogs>) -> Self {
        Self {
            socket: socket.to_owned(),
            logs,
            witness: LogContinuity::default(),
            before: Vec::new(),
            asked: None,
            asks_no_more: false,
            compared: None,
            keeps: false,
            unsaid: Vec::new(),
            told: Vec::new(),
        }
    }

    /// The hello with the entry that it asks about: of the log that the link had before, else of the one that was seen last at
    /// this socket. A room of this process and a drill are not asked.
    pub(super) fn hello(&mut self, hello: &Hello, server: ServerAccount) -> Hello {
        let logs = self.logs.as_ref().filter(|_| server == ServerAccount::Trusted && hello.drill_as.is_none());
        self.before = logs.map(|logs| logs.seen_at(&self.socket, &mut self.unsaid)).unwrap_or_default();
        let last = || self.before.iter().rev().map(|it| &it.log).find(|log| newest(&self.before, log).is_some());
        let log = hello.log.as_ref().or_else(last).filter(|_| !self.asks_no_more).cloned();
        self.asked = log.and_then(|log| newest(&self.before, &log).map(|(seq, _)| (log, seq)));
        self.asked.take_if(|(log, _)| log.len() > LONGEST_NAME);
        let (log, seen) = self.asked.clone().unzip();
        Hello { log: log.or_else(|| hello.log.clone()), seen, ..hello.clone() }
    }

    /// Whether the last hello asked about an entry.
    pub(super) fn asked(&self) -> bool {
        self.asked.is_some()
    }

    /// The room does not understand the question.
    pub(super) fn asks_no_more(&mut self) {
        self.asks_no_more = true;
    }

    /// Whether this is the log that is known of the room, and the history that was seen of it; gives why it is another one. A
    /// room of this process and a drill begin a new log each time.
    ///
    /// # Errors
    /// The refusal of a log that is not the known one.
    pub(super) async fn judge(
        &mut self,
        welcome: &Welcome,
        hello: &Hello,
        trust: &Trust,
        server: ServerAccount,
    ) -> Result<Option<SafeText>, Refusal> {
        (self.compared, self.witness) = (None, LogContinuity::default());
        // A room that can't read its log says no id: nothing is compared, and nobody is kept out.
        let is_kept = server == ServerAccount::Trusted
            && welcome.drill.is_none()
            && !welcome.log.is_empty()
            && welcome.log.len().max(welcome.room.len()) <= LONGEST_NAME;
        let Some(logs) = self.logs.as_ref().filter(|_| is_kept) else { return Ok(None) };
        let (room, log) = (&welcome.room, &welcome.log);
        let before = logs.check(&self.socket, room, log, &mut self.unsaid)?;
        if let Some(logs) = &mut self.logs {
            // Once: what the room shows after a restart is judged like any other log.
            logs.accept.take_if(|accepted| accepted == log);
        }
        let (known, head, seen) = match before {
            SeenBefore::Unread => return Ok(None),
            // It is new, or was accepted just now.
            SeenBefore::Nothing => (None, welcome.head, None),
            SeenBefore::Entry(held) => match self.ask(held, welcome, hello, trust).await {
                Some((known, head, seen)) => (Some(known), head, seen),
                None => return Ok(None),
            },
        };
        // A room that does not say its head does not say either what it has in another place: nothing could be compared later.
        self.keeps = head.is_some();
        self.compared = Some((room.clone(), log.clone()));
        let why = self.witness.begin(known, head, seen);
        self.keep();
        Ok(why)
    }

    /// The entry that was known before the room was asked, the head of the room's log, and what it has in the known place. Asks
    /// again where the hello asked about another place. `held` = the entry that is known by now. None if the room's answer is
    /// older than what is known.
    async fn ask(
        &self,
        held: SeenHead,
        welcome: &Welcome,
        hello: &Hello,
        trust: &Trust,
    ) -> Option<(SeenHead, Option<SeenHead>, Option<Digest>)> {
        let log = &welcome.log;
        let before = newest(&self.before, log);
        let known = before.unwrap_or(held);
        let asked = self.asked.as_ref().is_some_and(|(of, seq)| of == log && *seq == known.0);
        // At its end or behind it the head says all.
        let goes_on = welcome.head.is_some_and(|(end, _)| end > known.0);
        if before.is_some() && (asked || !goes_on) {
            return Some((known, welcome.head, welcome.seen.filter(|_| asked)));
        }
        let answer = async {
            let asks = ask_for(&self.socket, hello, trust, log, known.0);
            tokio::time::timeout(ANSWERS_WITHIN, asks).await.ok().flatten()
        };
        match if welcome.head.is_some() { answer.await } else { None } {
            Some((head, seen)) => Some((known, Some(head), seen)),
            None => before.map(|known| (known, welcome.head, None)),
        }
    }

    /// Compares what comes with what was seen before; gives why it is another history.
    pub(super) fn compare(&mut self, push: &Push) -> Option<SafeText> {
        let why = match push {
            Push::Entries(lines) => self.witness.entries(lines),
            Push::Heads { seq, head, more: false, .. } => self.witness.reached((*seq, *head)),
            Push::CaughtUp { seq } => self.witness.caught_up(*seq),
            // What came last is kept while nothing comes, too.
            _ => None,
        };
        self.keep();
        why
    }

    fn keep(&mut self) {
        let (Some(logs), Some((room, log)), true) = (&self.logs, &self.compared, self.keeps) else { return };
        if let Some(head) = self.witness.due() {
            logs.remember(&self.socket, room, log, head, &mut self.unsaid);
        }
    }

    /// The id of the log that is compared.
    pub(super) fn log(&self) -> SafeText {
        self.compared.as_ref().map(|(_, log)| SafeText::new(log)).unwrap_or_default()
    }

    /// What the user must know, each once.
    pub(super) fn notices(&mut self) -> Vec<SafeText> {
        let mut news = Vec::new();
        for text in std::mem::take(&mut self.unsaid) {
            if !self.told.contains(&text) {
                self.told.push(text.clone());
                news.push(text);
            }
        }
        news
    }
}

/// The head of a room's log and the hash of one of its entries, asked on a connection that nobody is present by. None if the
/// room does not say, or has another log by now.
async fn ask_for(
    socket: &Path,
    hello: &Hello,
    trust: &Trust,
    log: &str,
    seq: u64,
) -> Option<(SeenHead, Option<Digest>)> {
    let stream = UnixStream::connect(socket).await.ok()?;
    trust.judge(&stream, socket).await.ok()?;
    let hello = Hello {
        entries_from: None,
        log: Some(log.to_owned()),
        seen: Some(seq),
        topics: Vec::new(),
        quiet: true,
        readonly: true,
        ..hello.clone()
    };
    let (read, mut write) = stream.into_split();
    codec::send(&mut write, &hello).await.ok()?;
    let line = FramedRead::new(read, codec::lines(ROOM_LINE)).next().await?.ok()?;
    match codec::decode(&line, ROOM_DEPTH) {
        Ok(RoomLine::Welcome(welcome)) if welcome.log == log => Some((welcome.head?, welcome.seen)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt, BufReader};
    use tokio::net::UnixListener;

    use super::*;
    use crate::clock::ClockSync;
    use crate::model::{Actor, PersonRole, Stamp};
    use crate::protocol::DrillInfo;

    fn hello() -> Hello {
        Hello {
            proto: crate::protocol::versions(),
            client: "test".to_owned(),
            entries_from: None,
            log: None,
            seen: None,
            topics: Vec::new(),
            drill_as: None,
            simulated: false,
            quiet: true,
            readonly: false,
        }
    }

    fn head(seq: u64, byte: u8) -> SeenHead {
        (seq, Digest([byte; 32]))
    }

    fn knows(dir: &Path, accept: Option<&str>) -> KnownLogs {
        KnownLogs { file: dir.join("known-logs.json"), accept: accept.map(str::to_owned) }
    }

    /// A link of an account that keeps what it knows in this folder, and the hello that it sends.
    fn greeting(dir: &Path, accept: Option<&str>) -> (History, Hello) {
        let mut history = History::new(&dir.join("s"), Some(knows(dir, accept)));
        let hello = history.hello(&hello(), ServerAccount::Trusted);
        (history, hello)
    }

    /// A room whose entries all have hashes of one byte.
    #[derive(Clone, Copy)]
    struct FakeRoom {
        name: &'static str,
        log: &'static str,
        end: u64,
        byte: u8,
    }

    impl FakeRoom {
        fn welcome(self, hello: &Hello) -> Welcome {
            let own = hello.log.as_ref().is_none_or(|log| log == self.log);
            let seen = hello.seen.filter(|seq| own && *seq <= self.end);
            Welcome {
                proto: crate::protocol::VERSION,
                version: "0".to_owned(),
                room: self.name.to_owned(),
                log: self.log.to_owned(),
                you: Actor::room(),
                role: PersonRole::Observer,
                clock: ClockSync { at: Stamp::UNIX_EPOCH, speed: 1.0 },
                drill: None,
                objectives: Vec::new(),
                degraded: None,
                log_room: None,
                head: Some(head(self.end, self.byte)),
                seen: seen.map(|_| Digest([self.byte; 32])),
            }
        }

        /// Answers every hello at the folder's socket.
        fn listen(self, dir: &Path) -> tokio::task::JoinHandle<()> {
            let _ = std::fs::remove_file(dir.join("s"));
            let listener = UnixListener::bind(dir.join("s")).expect("bound");
            tokio::spawn(async move {
                loop {
                    let mut stream = BufReader::new(listener.accept().await.expect("a client").0);
                    let mut line = String::new();
                    stream.read_line(&mut line).await.expect("a hello");
                    let hello: Hello = serde_json::from_str(&line).expect("a hello");
                    assert!(hello.quiet && hello.readonly && hello.entries_from.is_none(), "{line}");
                    let welcome = RoomLine::Welcome(Box::new(self.welcome(&hello)));
                    codec::send(stream.get_mut(), &welcome).await.expect("sent");
                }
            })
        }

        async fn judged(self, (mut history, said): (History, Hello)) -> Result<Option<SafeText>, Refusal> {
            history.judge(&self.welcome(&said), &hello(), &Trust::default(), ServerAccount::Trusted).await
        }
    }

    const SHOP: FakeRoom = FakeRoom { name: "shop", log: "01OLD", end: 9, byte: 1 };

    fn kept(dir: &Path, log: &str) -> Option<SeenHead> {
        newest(&knows(dir, None).seen_at(&dir.join("s"), &mut Vec::new()), log)
    }

    #[tokio::test]
    async fn what_was_seen_accuses_the_history_that_lacks_it_and_no_other() {
        let dir = tempfile::tempdir().expect("a folder");
        let ask = |accept| greeting(dir.path(), accept);
        let old = |end, byte| FakeRoom { end, byte, ..SHOP };
        let new = |end, byte| FakeRoom { log: "01NEW", end, byte, ..SHOP };
        assert_eq!(ask(None).1.seen, None, "nothing was seen");
        for end in [5, 5, 9] {
            assert_eq!(old(end, 1).judged(ask(None)).await, Ok(None), "the first time, as it was, grown");
        }
        // Another console keeps more while the room answers this one; then the room says what it had before.
        let slow = ask(None);
        assert_eq!((slow.1.log.as_deref(), slow.1.seen), (Some("01OLD"), Some(9)));
        assert_eq!(old(20, 1).judged(ask(None)).await, Ok(None));
        assert_eq!(old(12, 1).judged(slow).await, Ok(None));

        for (end, byte) in [(19, 1), (20, 2), (30, 2)] {
            assert!(old(end, byte).judged(ask(None)).await.is_ok_and(|why| why.is_some()), "{end} {byte}");
        }
        let (mut own, said) = ask(None);
        let drill = DrillInfo { scenario: "s".to_owned(), seed: 1, speed: 1.0 };
        let drill = Welcome { drill: Some(drill), ..old(1, 9).welcome(&said) };
        let (plain, trust) = (hello(), Trust::default());
        let judged = own.judge(&drill, &plain, &trust, ServerAccount::Trusted).await;
        assert_eq!(judged, Ok(None), "a drill begins anew");
        let judged = own.judge(&old(1, 9).welcome(&said), &plain, &trust, ServerAccount::Own).await;
        assert_eq!(judged, Ok(None), "so does one's own");
        assert_eq!(own.hello(&plain, ServerAccount::Own).seen, None);

        assert!(new(2, 3).judged(ask(None)).await.is_err(), "a log that was renewed after damage");
        assert_eq!(new(2, 3).judged(ask(Some("01NEW"))).await, Ok(None));
        assert_eq!(new(4, 3).judged(ask(None)).await, Ok(None), "accepted once");
        assert!(new(2, 3).judged(ask(None)).await.is_ok_and(|why| why.is_some()), "and known from then on");
        assert_eq!(new(2, 3).judged(ask(Some("01NEW"))).await, Ok(None), "a cut one is accepted like another");
        assert_eq!(new(2, 3).judged(ask(None)).await, Ok(None));
    }

    #[tokio::test]
    async fn where_rooms_share_a_socket_each_is_asked_for_the_entry_that_was_seen_of_its_own_log() {
        let dir = tempfile::tempdir().expect("a folder");
        let bank = FakeRoom { name: "bank", log: "01BANK", end: 5, byte: 7 };
        for room in [SHOP, bank] {
            assert_eq!(room.judged(greeting(dir.path(), None)).await, Ok(None));
        }
        let asked = greeting(dir.path(), None).1;
        assert_eq!((asked.log.as_deref(), asked.seen), (Some("01BANK"), Some(5)), "the one that was seen last");
        let forked = FakeRoom { end: 12, byte: 2, ..SHOP };
        let running = forked.listen(dir.path());
        let why = forked.judged(greeting(dir.path(), None)).await.expect("its log").expect("another history");
        assert!(why.as_str().contains("entry 9 is not the one"), "{why}");
        assert_eq!(kept(dir.path(), "01OLD"), Some(head(9, 1)), "nothing of it is kept");
        running.abort();
        let grown = FakeRoom { end: 12, ..SHOP };
        let running = grown.listen(dir.path());
        assert_eq!(grown.judged(greeting(dir.path(), None)).await, Ok(None));
        assert_eq!((kept(dir.path(), "01OLD"), kept(dir.path(), "01BANK")), (Some(head(12, 1)), Some(head(5, 7))));
        running.abort();
        let mut back = History::new(&dir.path().join("s"), Some(knows(dir.path(), None)));
        let again = back.hello(&Hello { log: Some("01BANK".to_owned()), ..hello() }, ServerAccount::Trusted);
        assert_eq!(again.seen, Some(5), "a link that comes back asks about the log it had");
        let again = back.hello(&Hello { log: Some("01ELSE".to_owned()), ..hello() }, ServerAccount::Trusted);
        assert_eq!((again.log.as_deref(), again.seen), (Some("01ELSE"), None));
    }

    #[tokio::test]
    async fn a_log_is_compared_whatever_its_room_is_called_by_now() {
        let dir = tempfile::tempdir().expect("a folder");
        assert_eq!(SHOP.judged(greeting(dir.path(), None)).await, Ok(None));
        for (end, byte, words) in [(8, 1, "ends at entry 8"), (12, 2, "entry 9 is not the one")] {
            let renamed = FakeRoom { name: "store", end, byte, ..SHOP };
            let why = renamed.judged(greeting(dir.path(), None)).await.expect("its log").expect("another history");
            assert!(why.as_str().contains(words), "{why}");
        }
        assert_eq!(FakeRoom { name: "store", end: 12, ..SHOP }.judged(greeting(dir.path(), None)).await, Ok(None));
        assert!(SHOP.judged(greeting(dir.path(), None)).await.is_ok_and(|why| why.is_some()), "nor under the old name");
    }

    #[tokio::test]
    async fn nothing_is_kept_of_a_room_that_does_not_say_what_it_has_in_the_known_place() {
        let dir = tempfile::tempdir().expect("a folder");
        let bank = FakeRoom { name: "bank", log: "01BANK", end: 5, byte: 7 };
        for room in [SHOP, bank] {
            assert_eq!(room.judged(greeting(dir.path(), None)).await, Ok(None));
        }
        // Nobody answers a second question.
        let (mut history, said) = greeting(dir.path(), None);
        let (plain, trust) = (hello(), Trust::default());
        let grown = FakeRoom { end: 12, ..SHOP }.welcome(&said);
        assert_eq!(history.judge(&grown, &plain, &trust, ServerAccount::Trusted).await, Ok(None));
        assert_eq!(kept(dir.path(), "01OLD"), Some(head(9, 1)));
        let came = |(seq, head)| Push::Heads { seq, head, part: String::new(), more: false };
        assert_eq!(history.compare(&came(head(11, 1))), None);
        assert_eq!(kept(dir.path(), "01OLD"), Some(head(9, 1)), "not met yet");
        assert_eq!(history.compare(&came(head(9, 1))), None);
        assert_eq!(kept(dir.path(), "01OLD"), Some(head(12, 1)), "met");

        // An older one says nothing of its head: what is kept of it could never be compared.
        let fresh = tempfile::tempdir().expect("a folder");
        let (mut history, said) = greeting(fresh.path(), None);
        let older = Welcome { head: None, ..SHOP.welcome(&said) };
        assert_eq!(history.judge(&older, &plain, &trust, ServerAccount::Trusted).await, Ok(None));
        assert_eq!(history.compare(&came(head(9, 1))), None);
        assert_eq!((kept(fresh.path(), "01OLD"), history.log().as_str()), (None, "01OLD"));
    }

    #[tokio::test]
    async fn what_another_console_saw_first_while_this_one_asked_is_not_passed_over() {
        let dir = tempfile::tempdir().expect("a folder");
        let slow = greeting(dir.path(), None);
        assert_eq!(SHOP.judged(greeting(dir.path(), None)).await, Ok(None));
        let forked = FakeRoom { end: 12, byte: 2, ..SHOP };
        assert_eq!(forked.judged(slow).await, Ok(None), "nobody says, so nothing is compared");
        assert_eq!(kept(dir.path(), "01OLD"), Some(head(9, 1)), "and nothing kept");
    }

    #[tokio::test]
    async fn a_file_that_is_damaged_is_told_of_once_and_one_that_cant_be_used_too() {
        let dir = tempfile::tempdir().expect("a folder");
        assert_eq!(SHOP.judged(greeting(dir.path(), None)).await, Ok(None));
        std::fs::write(dir.path().join("known-logs.json"), "{").expect("written");
        let (mut history, said) = greeting(dir.path(), None);
        let judged = history.judge(&SHOP.welcome(&said), &hello(), &Trust::default(), ServerAccount::Trusted).await;
        assert_eq!(judged, Ok(None));
        let notices = history.notices();
        assert!(notices.len() == 1 && notices[0].as_str().contains("known-logs.json.damaged"), "{notices:?}");
        assert_eq!(kept(dir.path(), "01OLD"), Some(head(9, 1)), "and pinned anew");
        std::fs::remove_file(dir.path().join("known-logs.json")).expect("removed");
        std::fs::create_dir(dir.path().join("known-logs.json")).expect("made");
        for told in [1, 0] {
            let said = history.hello(&hello(), ServerAccount::Trusted);
            let judged = history.judge(&SHOP.welcome(&said), &hello(), &Trust::default(), ServerAccount::Trusted).await;
            assert_eq!((judged, history.notices().len()), (Ok(None), told));
        }
    }
}
