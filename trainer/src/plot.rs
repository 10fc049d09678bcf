//! What all pictures of the trainer share: font, ink, and the error.

use std::sync::OnceLock;

use plotters::prelude::{IntoFont as _, RGBColor, TextStyle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, register_font};

/// Dark grey: softer than black, with the contrast of black.
pub(crate) const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);

const FONT: &str = "Ubuntu, DejaVu Sans, sans-serif";

/// A picture that could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw {what}: {reason}")]
pub struct PlotError {
    what: &'static str,
    reason: String,
}

impl PlotError {
    pub(crate) fn new(what: &'static str, error: &dyn std::error::Error) -> Self {
        Self { what, reason: error.to_string() }
    }
}

/// Text that is centred vertically on its point.
pub(crate) fn style(size: f64, colour: &RGBColor, horizontal: HPos) -> TextStyle<'static> {
    (FONT, size).into_font().color(colour).pos(Pos::new(horizontal, VPos::Center))
}

/// The plotting library measures text with this font; the picture only names fonts.
pub(crate) fn register_fonts() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        // A font that cannot be read shows in the first text that is measured.
        let _ = register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT);
    });
}
