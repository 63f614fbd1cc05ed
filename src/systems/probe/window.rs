//! The last samples of a probe, and what they say together. Pure.

use std::collections::{BTreeMap, VecDeque};

use crate::model::{SafeText, Stamp};

/// One question and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ProbeSample {
    /// When it was asked.
    pub at: Stamp,
    pub good: bool,
    pub status: Option<u16>,
    pub error: SafeText,
    /// Who answered, if someone did and said so.
    pub site: Option<SafeText>,
    pub latency_ms: u64,
}

/// A bounded run of samples.
#[derive(Debug)]
pub(super) struct SampleWindow {
    samples: VecDeque<ProbeSample>,
    size: usize,
    since: Option<Stamp>,
}

impl SampleWindow {
    /// A window of `size` samples, at least one.
    pub(super) fn new(size: usize) -> Self {
        let size = size.clamp(1, 1_000);
        Self { samples: VecDeque::with_capacity(size), size, since: None }
    }

    /// Adds the newest sample; the oldest falls out.
    pub(super) fn push(&mut self, sample: ProbeSample) {
        let turned = self.samples.back().is_none_or(|last| last.good != sample.good);
        if turned {
            self.since = Some(sample.at);
        }
        if self.samples.len() == self.size {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }

    /// When this run of good or of bad samples began, which may be before the window.
    pub(super) fn since(&self) -> Option<Stamp> {
        self.since
    }

    /// When the newest sample was taken.
    pub(super) fn latest(&self) -> Option<Stamp> {
        self.samples.back().map(|sample| sample.at)
    }

    /// Who answered last.
    pub(super) fn site(&self) -> Option<&SafeText> {
        self.samples.iter().rev().find_map(|sample| sample.site.as_ref())
    }

    /// Samples, and good ones among them.
    pub(super) fn counts(&self) -> (u32, u32) {
        let good = self.samples.iter().filter(|sample| sample.good).count();
        (count(self.samples.len()), count(good))
    }

    /// Answers by site.
    pub(super) fn by_site(&self) -> BTreeMap<String, u32> {
        let mut sites = BTreeMap::new();
        for site in self.samples.iter().filter_map(|sample| sample.site.as_ref()) {
            *sites.entry(site.to_string()).or_insert(0) += 1;
        }
        sites
    }

    /// Whole percent of the window's answers that came from a site, rounded down so that 100 means all. `None` without an
    /// answer.
    pub(super) fn share(&self, site: &str) -> Option<u32> {
        let answers = self.samples.iter().filter(|sample| sample.status.is_some()).count();
        let from = self.samples.iter().filter(|sample| sample.site.as_ref().is_some_and(|it| *it == *site)).count();
        percent(from, answers)
    }

    /// Whole percent of the window's samples that were good, rounded down.
    pub(super) fn good_percent(&self) -> Option<u32> {
        percent(self.samples.iter().filter(|sample| sample.good).count(), self.samples.len())
    }
}

fn percent(part: usize, whole: usize) -> Option<u32> {
    (whole > 0).then(|| count(part * 100 / whole))
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
