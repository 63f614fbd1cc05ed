//! Who carries requests to the room: the client's handle, or a stand-in in tests.

use async_trait::async_trait;

use crate::protocol::{Reply, Request};

use super::input::AskFailure;

/// Carries requests.
#[async_trait]
pub trait RequestPort: Send + Sync + 'static {
    /// Asks; every request is answered or fails with a word.
    async fn ask(&self, request: Request) -> Result<Reply, AskFailure>;
}
