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
    Strong = "strong";
    /// Lines between panes.
    Rule = "rule";
    Title = "title";
    TitleFocused = "title.focused";
    /// Focus and keys.
    Accent = "accent";
    /// The row under the cursor.
    Selected = "selected";
    Critical = "severity.critical";
    Warning = "severity.warning";
    /// Proven good by fresh data.
    Good = "good";
    Unknown = "unknown";
    /// Too old to be believed.
    Stale = "stale";
    Drill = "drill";
    Decision = "decision";
    /// Waits for a person.
    Waiting = "waiting";
    BadgeCritical = "badge.critical";
    BadgeWarning = "badge.warning";
    BadgeCalm = "badge.calm";
    BadgeDrill = "badge.drill";
    /// Recording or acting is off, the link is lost.
    Banner = "banner";
    /// The part of a bar that is not filled.
    BarRest = "bar.rest";
    /// What a person is typing.
    Input = "input";
}
