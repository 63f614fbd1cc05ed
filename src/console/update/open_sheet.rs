//! Layers that open over whatever is there.

use crate::console::app::Console;
use crate::console::overlay::{Overlay, Palette};

/// Help for the layer on top.
pub(super) fn open_help(app: &mut Console) {
    push_once(app, Overlay::Help { scroll: 0 });
}

/// The palette over the layer on top.
pub(super) fn open_palette(app: &mut Console) {
    app.notice = None;
    push_once(app, Overlay::Palette(Palette::default()));
}

/// Opens a layer, unless one of its kind is on top.
pub(super) fn push_once(app: &mut Console, overlay: Overlay) {
    let same = |top: &Overlay| std::mem::discriminant(top) == std::mem::discriminant(&overlay);
    if !app.overlays.last().is_some_and(same) {
        app.overlays.push(overlay);
    }
}
