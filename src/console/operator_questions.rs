//! What operators ask, and the keys that answer: at most two from the overview. The table in docs/operator-guide.md comes
//! from here, and a test presses the keys and looks for the answer.

/// A question and its way to the answer, in the default key map.
#[derive(Clone, Copy, Debug)]
pub struct OperatorQuestion {
    /// In the words of somebody who was woken.
    pub asks: &'static str,
    /// One after the other, as [`super::keymap::keys`] reads them; empty = the overview answers without a key.
    pub keys: &'static str,
    /// Where the answer stands.
    pub answer: &'static str,
}

/// The most keys from the overview to an answer.
pub const MOST_KEYS: usize = 2;

/// The questions, in the order in which a night asks them.
pub const QUESTIONS: &[OperatorQuestion] = &[
    OperatorQuestion {
        asks: "How long has it been, and how long have we got?",
        keys: "",
        answer: "the header's clocks",
    },
    OperatorQuestion { asks: "What is wrong, and who has been told?", keys: "1", answer: "Alerts" },
    OperatorQuestion { asks: "Is it getting worse?", keys: "5", answer: "Events, each with its rate" },
    OperatorQuestion { asks: "Which service is worst?", keys: "s", answer: "the situation's Services" },
    OperatorQuestion {
        asks: "How much data do we lose if we fail over now?",
        keys: "3",
        answer: "Backups, by service",
    },
    OperatorQuestion {
        asks: "Is the backup usable, and is it off-site?",
        keys: "3<enter>",
        answer: "the service's restore point",
    },
    OperatorQuestion { asks: "Where does traffic go?", keys: "2", answer: "Traffic: the arrow, and the share" },
    OperatorQuestion { asks: "Is DR the same as prod?", keys: "4", answer: "GitOps: one number" },
    OperatorQuestion { asks: "What was decided, and by whom?", keys: "s", answer: "the situation's decisions" },
    OperatorQuestion { asks: "Who approved?", keys: "6", answer: "Timeline: who stands with the plan" },
    OperatorQuestion { asks: "What has happened since 14:41?", keys: "6g", answer: "Timeline, from its beginning" },
    OperatorQuestion { asks: "What waits for me?", keys: "A", answer: "the plan to confirm or refuse" },
    OperatorQuestion { asks: "Who is here, and who commands?", keys: "7", answer: "People" },
    OperatorQuestion {
        asks: "Would we meet RTO and RPO now?",
        keys: "r",
        answer: "Readiness, with what is not proven",
    },
];
