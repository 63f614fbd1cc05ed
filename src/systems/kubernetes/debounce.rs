//! Two of three: whether the health of a control plane is believed to have changed.

/// A change is believed when two of three looks agree on it. The looks after the first go over connections of their own,
/// because behind a balancer one connection always meets the same API server.
#[derive(Default)]
pub(super) struct Debounce {
    /// What was last believed; nothing yet at the start, when good news is believed at once.
    bad: bool,
    looks: Vec<bool>,
}

impl Debounce {
    /// Whether a look is to be believed; if not, look again.
    pub(super) fn cast(&mut self, bad: bool) -> bool {
        if self.looks.is_empty() && bad == self.bad {
            return true;
        }
        self.looks.push(bad);
        if self.looks.iter().filter(|it| **it == bad).count() < 2 {
            return false;
        }
        self.looks.clear();
        self.bad = bad;
        true
    }

    /// A bad look now only calls for another: nobody will see what else it says.
    pub(super) fn cannot_decide_on_bad(&self) -> bool {
        !self.bad && !self.looks.contains(&true)
    }

    /// What nobody else's look would change.
    pub(super) fn decided(bad: bool) -> Self {
        Self { bad, looks: Vec::new() }
    }

    /// What was last believed.
    pub(super) fn is_bad(&self) -> bool {
        self.bad
    }

    /// Whether more looks are wanted.
    pub(super) fn is_open(&self) -> bool {
        !self.looks.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is believed after each look: `b`ad, `g`ood, or `?` for "look again".
    fn believed(looks: &str) -> String {
        let mut vote = Debounce::default();
        let told = |vote: &mut Debounce, look| match (vote.cast(look == 'b'), look) {
            (true, look) => look,
            (false, _) => '?',
        };
        looks.chars().map(|look| told(&mut vote, look)).collect()
    }

    #[test]
    fn one_odd_look_is_not_believed_and_two_of_three_are() {
        assert_eq!(believed("ggg"), "ggg");
        assert_eq!(believed("gbgg"), "g??g", "an odd one");
        assert_eq!(believed("bb"), "?b");
        assert_eq!(believed("gbgb"), "g??b", "two of three");
        assert_eq!(believed("bbb"), "?bb", "what is believed needs no second look");
        assert_eq!(believed("bbgg"), "?b?g");
        assert_eq!(believed("bbgbb"), "?b??b");
    }
}
