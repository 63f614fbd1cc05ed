//! cloudflare.
