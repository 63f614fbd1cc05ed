//! Work that may wait for the disk.

use tokio::runtime::RuntimeFlavor;

/// Runs what may wait for the disk. On a runtime of several threads the others take over meanwhile; a drill's has one.
pub(super) fn blocking<T>(work: impl FnOnce() -> T) -> T {
    match tokio::runtime::Handle::current().runtime_flavor() {
        RuntimeFlavor::CurrentThread => work(),
        _ => tokio::task::block_in_place(work),
    }
}
