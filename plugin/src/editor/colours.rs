//! The colours of the editor, light and dark.
//!
//! The emotions use the engine's palette in both themes; everything else is grey with one blue accent, so that only emotions are colourful. Text reaches WCAG
//! AA (4.5 : 1) on every surface it is drawn on.

use egui::style::{Selection, WidgetVisuals, Widgets};
use egui::{Color32, CornerRadius, Shadow, Stroke, Visuals};
use moodline_core::Emotion;
use moodline_engine::display::palette;

use crate::session::Theme;

/// All colours except those of the emotions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Colours {
    /// Whether the background is dark.
    pub(crate) dark: bool,
    /// Window background.
    pub(crate) ground: Color32,
    /// Header, panels and menus.
    pub(crate) surface: Color32,
    /// Background of the timelines.
    pub(crate) plot: Color32,
    /// Borders and grid lines, never text.
    pub(crate) line: Color32,
    /// Resting buttons.
    pub(crate) button: Color32,
    /// Buttons under the pointer.
    pub(crate) button_hover: Color32,
    /// Text.
    pub(crate) text: Color32,
    /// Secondary text.
    pub(crate) weak: Color32,
    /// Errors.
    pub(crate) error: Color32,
    /// Playhead, selection, active buttons.
    pub(crate) accent: Color32,
    /// Text on the accent.
    pub(crate) on_accent: Color32,
    /// Stripes of a gap.
    pub(crate) hatch: Color32,
    /// The stroke around shapes in an emotion's colour, so that yellow is visible on white.
    pub(crate) outline: Color32,
}

impl Colours {
    pub(crate) const DARK: Self = Self {
        dark: true,
        ground: Color32::from_rgb(0x12, 0x14, 0x17),
        surface: Color32::from_rgb(0x1b, 0x1e, 0x23),
        plot: Color32::from_rgb(0x0c, 0x0d, 0x10),
        line: Color32::from_rgb(0x33, 0x38, 0x40),
        button: Color32::from_rgb(0x29, 0x2d, 0x34),
        button_hover: Color32::from_rgb(0x38, 0x3e, 0x47),
        text: Color32::from_rgb(0xec, 0xee, 0xf1),
        weak: Color32::from_rgb(0xa6, 0xad, 0xb8),
        error: Color32::from_rgb(0xff, 0x9a, 0x8d),
        accent: Color32::from_rgb(0x56, 0xb4, 0xe9),
        on_accent: Color32::from_rgb(0x08, 0x14, 0x1c),
        hatch: Color32::from_rgb(0x6c, 0x74, 0x80),
        outline: Color32::from_rgb(0x0c, 0x0d, 0x10),
    };

    pub(crate) const LIGHT: Self = Self {
        dark: false,
        ground: Color32::from_rgb(0xe9, 0xeb, 0xee),
        surface: Color32::from_rgb(0xf8, 0xf9, 0xfa),
        plot: Color32::from_rgb(0xff, 0xff, 0xff),
        line: Color32::from_rgb(0xc9, 0xce, 0xd5),
        button: Color32::from_rgb(0xe4, 0xe7, 0xeb),
        button_hover: Color32::from_rgb(0xd3, 0xd8, 0xde),
        text: Color32::from_rgb(0x17, 0x1a, 0x1f),
        weak: Color32::from_rgb(0x4d, 0x55, 0x60),
        error: Color32::from_rgb(0xa8, 0x1c, 0x0e),
        accent: Color32::from_rgb(0x00, 0x5f, 0x9e),
        on_accent: Color32::from_rgb(0xff, 0xff, 0xff),
        hatch: Color32::from_rgb(0x86, 0x8e, 0x99),
        outline: Color32::from_rgb(0x2a, 0x2e, 0x35),
    };

    pub(crate) const fn of(theme: Theme) -> Self {
        match theme {
            Theme::Dark => Self::DARK,
            Theme::Light => Self::LIGHT,
        }
    }

    /// The same colours in egui's format.
    pub(crate) fn visuals(&self) -> Visuals {
        let base = if self.dark { Visuals::dark() } else { Visuals::light() };
        let shadow =
            Shadow { offset: [0, 3], blur: 12, spread: 0, color: Color32::from_black_alpha(if self.dark { 120 } else { 50 }) };
        Visuals {
            weak_text_color: Some(self.weak),
            widgets: self.widgets(),
            selection: Selection { bg_fill: self.accent, stroke: Stroke::new(1.0, self.on_accent) },
            hyperlink_color: self.accent,
            faint_bg_color: self.button,
            extreme_bg_color: self.plot,
            warn_fg_color: self.error,
            error_fg_color: self.error,
            window_fill: self.surface,
            window_stroke: Stroke::new(1.0, self.line),
            window_corner_radius: CornerRadius::same(6),
            menu_corner_radius: CornerRadius::same(6),
            window_shadow: shadow,
            popup_shadow: shadow,
            panel_fill: self.ground,
            slider_trailing_fill: true,
            ..base
        }
    }

    fn widgets(&self) -> Widgets {
        let widget = |fill: Color32, border: Color32, ink: Color32| WidgetVisuals {
            bg_fill: fill,
            weak_bg_fill: fill,
            bg_stroke: Stroke::new(1.0, border),
            corner_radius: CornerRadius::same(4),
            fg_stroke: Stroke::new(1.0, ink),
            expansion: 0.0,
        };
        Widgets {
            noninteractive: widget(self.surface, self.line, self.text),
            inactive: widget(self.button, self.line, self.text),
            hovered: widget(self.button_hover, self.weak, self.text),
            active: widget(self.button_hover, self.accent, self.text),
            open: widget(self.button_hover, self.accent, self.text),
        }
    }
}

/// The colour of an emotion.
pub(crate) const fn of_emotion(emotion: Emotion) -> Color32 {
    let [r, g, b] = palette::rgb(emotion);
    Color32::from_rgb(r, g, b)
}

/// Black or white, whichever is more readable on the colour of `emotion`.
pub(crate) const fn ink_on(emotion: Emotion) -> Color32 {
    let [r, g, b] = palette::ink_on(emotion);
    Color32::from_rgb(r, g, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance and contrast ratio as WCAG 2.2 defines them.
    fn contrast(a: Color32, b: Color32) -> f64 {
        let linear = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let luminance = |c: Color32| 0.2126 * linear(c.r()) + 0.7152 * linear(c.g()) + 0.0722 * linear(c.b());
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn the_formula_gives_the_known_ratios() {
        assert!((contrast(Color32::WHITE, Color32::BLACK) - 21.0).abs() < 1e-9);
        assert!((contrast(Color32::from_rgb(0x77, 0x77, 0x77), Color32::WHITE) - 4.48).abs() < 0.01);
    }

    #[test]
    fn all_text_reaches_wcag_aa() {
        for colours in [Colours::DARK, Colours::LIGHT] {
            let grounds = [colours.ground, colours.surface, colours.plot, colours.button];
            for ink in [colours.text, colours.weak, colours.error] {
                for ground in grounds {
                    assert!(contrast(ink, ground) >= 4.5, "{ink:?} on {ground:?}: {:.2}", contrast(ink, ground));
                }
            }
            assert!(contrast(colours.text, colours.button_hover) >= 4.5);
            assert!(contrast(colours.on_accent, colours.accent) >= 4.5);
        }
    }

    #[test]
    fn marks_reach_three_to_one() {
        for colours in [Colours::DARK, Colours::LIGHT] {
            assert!(contrast(colours.accent, colours.plot) >= 3.0);
            assert!(contrast(colours.hatch, colours.plot) >= 3.0);
            for emotion in Emotion::ALL {
                let fill = of_emotion(emotion);
                let seen = contrast(fill, colours.surface).max(contrast(colours.outline, colours.surface));
                assert!(seen >= 3.0, "{emotion} on {:?}: {seen:.2}", colours.surface);
                assert!(contrast(ink_on(emotion), fill) >= 3.0, "{emotion}");
            }
        }
    }
}
