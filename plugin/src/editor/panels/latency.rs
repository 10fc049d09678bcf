//! How old the displayed result is, what it cost, and which backend computed it.

use std::time::Duration;

use egui::{Grid, Label, RichText, Ui};
use moodline_engine::live::{ModelState, Status};

use crate::editor::colours::Colours;
use crate::editor::headline::HeadlineSettings;
use crate::session::Segments;

/// Number of hexadecimal digits of a fingerprint that are shown; the tooltip has the rest.
const SHOWN_DIGITS: usize = 16;

/// The contents of the panel.
pub(crate) struct LatencyPanel<'a> {
    pub(crate) status: &'a Status,
    pub(crate) settings: &'a HeadlineSettings,
    pub(crate) colours: &'a Colours,
}

impl LatencyPanel<'_> {
    pub(crate) fn show(&self, ui: &mut Ui) {
        let status = self.status;
        Grid::new("latency").num_columns(2).spacing([10.0, 5.0]).show(ui, |ui| {
            let (age, latency) = (status.latest_age, status.latency);
            row(ui, "Age of the window", &or_none(age), "Time since the end of the newest window was heard");
            let features = or_none(latency.map(|latency| latency.features));
            row(ui, "Features", &features, "Resampling, features and speech gate of the newest window");
            let inference = or_none(latency.map(|latency| latency.inference));
            row(ui, "Inference", &inference, "The network, for the newest window");
            let dropped = self.dropped();
            row(ui, "Dropped samples", &dropped, "Samples that came faster than they could be analysed, since the last reset");
            let HeadlineSettings { window_s, hop_s, segments, .. } = self.settings;
            match segments {
                Segments::Blocks => row(ui, "Window / hop", &format!("{window_s:.1} s / {hop_s:.2} s"), "Set in the settings"),
                Segments::Phrases => row(ui, "Phrases", &format!("up to {window_s:.1} s"), "Set in the settings"),
            }
            let rate = status.sample_rate.map_or_else(|| "no stream".to_owned(), |rate| format!("{rate} Hz"));
            row(ui, "Sample rate", &rate, "Of the incoming audio");
            let backend = status.backend.map_or("none yet", |backend| backend.name());
            row(ui, "Backend", backend, "The backend that runs the network");
            if let ModelState::Ready { id, fingerprint } = &status.model {
                row(ui, "Model", id, id);
                let digits = fingerprint.get(..SHOWN_DIGITS).unwrap_or(fingerprint);
                row(ui, "Fingerprint", digits, fingerprint);
            }
        });
        self.sentences(ui);
    }

    fn dropped(&self) -> String {
        let n = self.status.dropped_frames;
        match self.status.sample_rate {
            Some(rate) if n > 0 && rate > 0 => format!("{n} ({:.1} s)", n as f64 / f64::from(rate)),
            _ => n.to_string(),
        }
    }

    fn sentences(&self, ui: &mut Ui) {
        let failure = match &self.status.model {
            ModelState::Failed(reason) => Some(format!("Model missing: {reason}")),
            ModelState::Loading => Some("The model is loading.".to_owned()),
            ModelState::Ready { .. } => None,
        };
        let fallback = self.status.fallback_reason.as_ref().map(|reason| format!("ONNX Runtime is not used: {reason}"));
        for (sentence, ink) in
            [(failure, self.colours.text), (self.status.problem.clone(), self.colours.error), (fallback, self.colours.weak)]
        {
            if let Some(sentence) = sentence {
                ui.add_space(8.0);
                ui.add(Label::new(RichText::new(sentence).color(ink)).wrap());
            }
        }
    }
}

fn row(ui: &mut Ui, name: &str, value: &str, hint: &str) {
    ui.label(name);
    ui.add(Label::new(RichText::new(value).strong()).truncate()).on_hover_text(hint);
    ui.end_row();
}

fn or_none(known: Option<Duration>) -> String {
    known.map_or_else(|| "none yet".to_owned(), duration)
}

/// A duration with about three digits.
fn duration(duration: Duration) -> String {
    match duration.as_secs_f64() {
        s if s >= 1.0 => format!("{s:.1} s"),
        s if s >= 1e-3 => format!("{:.1} ms", s * 1e3),
        s => format!("{:.0} µs", s * 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_the_unit_that_fits() {
        let cases = [(1_500_000, "1.5 s"), (12_340, "12.3 ms"), (999, "999 µs"), (0, "0 µs")];
        for (micros, text) in cases {
            assert_eq!(duration(Duration::from_micros(micros)), text);
        }
    }
}
