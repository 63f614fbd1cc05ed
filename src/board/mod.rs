//! The board: the latest observations, judged. Pure: `now` is an argument.
//!
//! [`Board::apply`] takes observations, [`Board::judge`] gives the rows that console, `status` and checks show,
//! [`edges`] compares two judgements and finds what is worth remembering.

pub mod row;

pub use row::{Body, Judged, Row, Topic, TopicView, Verdict};
