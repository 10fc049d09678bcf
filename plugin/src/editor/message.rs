//! One sentence about the latest event, such as a file that was or could not be saved, and the possible actions.

use std::time::{Duration, Instant};

use egui::{Align, Frame, Label, Layout, Margin, Rect, RichText, Stroke, Ui, UiBuilder};

use super::colours::Colours;
use super::controls::icon_button;
use super::icons::Icon;

/// How long news is shown; errors stay until closed.
const GOOD_NEWS: Duration = Duration::from_secs(12);

/// The newest message, and a pending question behind it.
#[derive(Default)]
pub(crate) struct Messages {
    current: Option<Message>,
    question: Option<Message>,
}

struct Message {
    text: String,
    kind: Kind,
    offers: &'static [Offer],
    since: Instant,
}

/// The kind of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Disappears by itself.
    News,
    /// Stays until closed.
    Error,
    /// Stays until answered.
    Question,
}

/// An action offered by a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// Use the built-in model.
    BuiltInModel,
    /// Replace the recording by playing the waiting file.
    PlayFile,
    /// Keep the recording and show the waiting file in its own lane.
    OpenFile,
}

impl Offer {
    const fn word(self) -> &'static str {
        match self {
            Self::BuiltInModel => "Use the built-in model",
            Self::PlayFile => "Replace it",
            Self::OpenFile => "Keep it",
        }
    }
}

/// The element that was clicked in a message.
enum Clicked {
    Close,
    Offer(Offer),
}

impl Messages {
    pub(crate) fn say(&mut self, text: impl Into<String>) {
        self.current = Some(Message::new(text, Kind::News, &[]));
    }

    pub(crate) fn complain(&mut self, text: impl Into<String>) {
        self.current = Some(Message::new(text, Kind::Error, &[]));
    }

    /// Reports a problem and offers remedies.
    pub(crate) fn complain_and_offer(&mut self, text: impl Into<String>, offers: &'static [Offer]) {
        self.current = Some(Message::new(text, Kind::Error, offers));
    }

    /// Asks a question, until one of the `offers` is accepted.
    pub(crate) fn ask(&mut self, text: impl Into<String>, offers: &'static [Offer]) {
        self.question = Some(Message::new(text, Kind::Question, offers));
    }

    /// Closes the message; returns whether there was one.
    pub(crate) fn close(&mut self) -> bool {
        self.current.take().is_some()
    }

    /// Reports an outcome, either success or failure.
    pub(crate) fn report(&mut self, result: Result<String, String>) {
        match result {
            Ok(text) => self.say(text),
            Err(text) => self.complain(text),
        }
    }

    /// Shows the message at the bottom of `body`, over its content, and returns the accepted offer.
    pub(crate) fn show(&mut self, ui: &mut Ui, body: Rect, colours: &Colours) -> Option<Offer> {
        self.current.take_if(|message| message.kind == Kind::News && message.since.elapsed() >= GOOD_NEWS);
        let shown = if self.current.is_some() { &mut self.current } else { &mut self.question };
        let message = shown.as_ref()?;
        if message.kind == Kind::News {
            ui.ctx().request_repaint_after(GOOD_NEWS.saturating_sub(message.since.elapsed()));
        }
        let clicked = message.show(ui, body, colours)?;
        *shown = None;
        match clicked {
            Clicked::Close => None,
            Clicked::Offer(offer) => Some(offer),
        }
    }
}

impl Message {
    fn new(text: impl Into<String>, kind: Kind, offers: &'static [Offer]) -> Self {
        Self { text: text.into(), kind, offers, since: Instant::now() }
    }

    fn show(&self, ui: &mut Ui, body: Rect, colours: &Colours) -> Option<Clicked> {
        // An area keeps its size, and each message has a different one.
        let area = egui::Area::new(ui.scope_id().with(("message", &self.text)))
            .order(egui::Order::Foreground)
            .fixed_pos(body.left_bottom());
        let area = area.pivot(egui::Align2::LEFT_BOTTOM).constrain_to(body);
        let frame = Frame::new()
            .fill(colours.surface)
            .stroke(Stroke::new(1.0, colours.accent))
            .corner_radius(5)
            .inner_margin(Margin::symmetric(10, 4));
        let contents = |ui: &mut Ui| {
            ui.set_width(body.width() - 22.0);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| self.contents(ui, colours)).inner
        };
        area.show(ui.ctx(), |ui| frame.show(ui, contents).inner).inner
    }

    /// From the right: the close button, the offers, and the sentence in the remaining space.
    fn contents(&self, ui: &mut Ui, colours: &Colours) -> Option<Clicked> {
        let mut clicked = None;
        if self.kind != Kind::Question && icon_button(ui, Icon::Close, None, false, "Close this message").clicked() {
            clicked = Some(Clicked::Close);
        }
        for offer in self.offers.iter().rev() {
            if ui.button(offer.word()).clicked() {
                clicked = Some(Clicked::Offer(*offer));
            }
        }
        let rest = ui.available_rect_before_wrap();
        ui.scope_builder(UiBuilder::new().max_rect(rest).layout(Layout::left_to_right(Align::Center)), |ui| {
            let ink = if self.kind == Kind::Error { colours.error } else { colours.text };
            ui.add(Label::new(RichText::new(&self.text).color(ink)).wrap());
        });
        clicked
    }
}
