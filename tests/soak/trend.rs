//! Whether a figure rises: the slope of its block means, with the interval that noise alone could explain.

/// Samples of one figure over time, seconds from the start.
#[derive(Debug, Default)]
pub struct Series {
    points: Vec<(f64, f64)>,
}

/// A slope and how sure it is.
#[derive(Clone, Copy, Debug)]
pub struct Trend {
    pub first: f64,
    pub last: f64,
    pub least: f64,
    pub most: f64,
    /// Per hour.
    pub slope: f64,
    /// Half the width of the slope's interval, per hour.
    pub margin: f64,
}

impl Trend {
    /// Whether the interval holds zero, or the slope is below [`LEAST_SHARE`] of the level.
    pub fn flat(&self) -> bool {
        self.slope.abs() <= self.margin.max(self.first.abs() * LEAST_SHARE)
    }
}

/// Samples that follow each other are alike, so a line through all of them looks surer than it is: means of ten blocks are
/// nearly independent.
const BLOCKS: usize = 10;
/// The fewest samples that a trend is made of: two a block.
pub const LEAST: usize = BLOCKS * 2;
/// Student's t for `BLOCKS - 2` degrees of freedom and 99.4 %: 95 % that none of eight figures is called rising by chance.
const T: f64 = 3.7;

/// An hour's change below this share of the level is no leak: the open incident's timeline, which is kept whole, grows by an
/// entry every quarter of a minute here, and a room of 60 MB by about 0.4 MB an hour with it.
const LEAST_SHARE: f64 = 0.01;

impl Series {
    pub fn push(&mut self, at_s: f64, value: f64) {
        self.points.push((at_s, value));
    }

    pub fn latest(&self) -> Option<f64> {
        self.points.last().map(|point| point.1)
    }

    /// The trend from `warm_s` on; `None` with fewer than two samples a block.
    pub fn trend(&self, warm_s: f64) -> Option<Trend> {
        let warm: Vec<(f64, f64)> = self.points.iter().copied().filter(|point| point.0 >= warm_s).collect();
        if warm.len() < LEAST {
            return None;
        }
        let size = warm.len() / BLOCKS;
        let mean = |block: &[(f64, f64)]| {
            let n = block.len() as f64;
            (block.iter().map(|p| p.0).sum::<f64>() / n, block.iter().map(|p| p.1).sum::<f64>() / n)
        };
        let blocks: Vec<(f64, f64)> = (0..BLOCKS)
            .map(|i| mean(&warm[i * size..if i + 1 == BLOCKS { warm.len() } else { (i + 1) * size }]))
            .collect();
        let (mid_x, mid_y) = mean(&blocks);
        let spread: f64 = blocks.iter().map(|p| (p.0 - mid_x).powi(2)).sum();
        let slope = blocks.iter().map(|p| (p.0 - mid_x) * (p.1 - mid_y)).sum::<f64>() / spread;
        let rest: f64 = blocks.iter().map(|p| (p.1 - mid_y - slope * (p.0 - mid_x)).powi(2)).sum();
        let error = (rest / (BLOCKS as f64 - 2.0) / spread).sqrt();
        let values = warm.iter().map(|point| point.1);
        Some(Trend {
            first: blocks[0].1,
            last: blocks[BLOCKS - 1].1,
            least: values.clone().fold(f64::INFINITY, f64::min),
            most: values.fold(f64::NEG_INFINITY, f64::max),
            slope: slope * 3600.0,
            margin: T * error * 3600.0,
        })
    }
}
