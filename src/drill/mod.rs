//! The drill: a story ([`scenario`]), the world it happens in ([`world`]), the people who play it ([`director`], [`partner`]), the
//! thread that they share ([`lane`]) and how well it went ([`score`]).
//!
//! The room, its clients and its protocol are the real ones; only the endpoints differ. Nothing here knows the clients' types.

mod act;
pub mod director;
pub mod lane;
pub mod partner;
pub mod scenario;
pub mod score;
pub mod world;

pub use director::{Asker, Director, Seen};
pub use lane::Lane;
pub use scenario::Scenario;
pub use score::{Score, score};

pub use world::World;
