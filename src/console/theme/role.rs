//! What a colour may mean: a closed list. A theme that misses one, or names another, is refused.

macro_rules! roles {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// A meaning that a theme gives a look.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Role { $($(#[$doc])* $variant,)* }

        impl Role {
            /// Every role, in the order of the files.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name in theme files.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

roles! {
    /// Ordinary text, on the terminal's own background.
    Text = "text";
    /// What is there if you look for it.
    Dim = "dim";
    /// What a reader looks for first: titles, names, the commander.
    Strong = "strong";
    /// Lines between panes.
    Rule = "rule";
    /// Title of a pane that is not in focus.
    Title = "title";
    /// Title of the pane in focus.
    TitleFocused = "title.focused";
    /// Focus and keys.
    Accent = "accent";
    /// The row under the cursor.
    Selected = "selected";
    /// The verdict critical, and what can't be undone or was refused.
    Critical = "severity.critical";
    /// The verdict warning.
    Warning = "severity.warning";
    /// Proven good by fresh data.
    Good = "good";
    /// The verdict unknown: never read, or not to be read now.
    Unknown = "unknown";
    /// Too old to be believed.
    Stale = "stale";
    /// What only a drill shows, for example that a person is simulated.
    Drill = "drill";
    /// A decision in the timeline.
    Decision = "decision";
    /// Waits for a person.
    Waiting = "waiting";
    /// Severity of an open incident of sev1 or sev2.
    BadgeCritical = "badge.critical";
    /// Severity of an open sev3; that the log has little room left.
    BadgeWarning = "badge.warning";
    /// Severity of a sev4, and of every incident that is closed.
    BadgeCalm = "badge.calm";
    /// The word DRILL in the header.
    BadgeDrill = "badge.drill";
    /// Recording or acting is off, the link is lost.
    Banner = "banner";
    /// The part of a bar that is not filled.
    BarRest = "bar.rest";
    /// What a person is typing.
    Input = "input";
}
