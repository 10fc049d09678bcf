//! What Moodline is, and what it must not be used for.

use egui::{RichText, Ui};
use moodline_engine::{Model, SpeechModel};

/// Short statements, each with a heading.
const TEXTS: [(&str, &str); 4] = [
    (
        "What it shows",
        "An estimate. The models were trained with acted speech, so what they say about how a person really feels can be wrong, and no \
         single reading means anything. Audio stays on this computer.",
    ),
    (
        "Responsible use",
        "In the European Union it is forbidden to infer emotions of people at work or in education with a system like this one, other \
         than for medical or safety reasons (AI Act, Regulation (EU) 2024/1689, Article 5(1)(f)). Elsewhere, and for any other use, \
         tell the people whose voices you analyse and ask for their consent.",
    ),
    (
        "Licence",
        "Moodline: MIT or Apache-2.0, at your choice. Licences of what it is built with come with the installation, in the folder \
         \"licenses\".",
    ),
    (
        "Colours",
        "Okabe and Ito, Color Universal Design, 2008: distinguishable with any colour vision; each emotion also has its own shape.",
    ),
];

pub(super) fn show(ui: &mut Ui) {
    ui.label(format!("Version {}", env!("CARGO_PKG_VERSION")));
    for (heading, text) in TEXTS {
        paragraph(ui, heading, text);
    }
    // The corpora it was trained on require attribution.
    let model = Model::embedded();
    paragraph(ui, "Built-in model", &format!("{}: {}.", model.id(), model.contract().licence));
    let speech = SpeechModel::embedded();
    paragraph(ui, "Speech detector", &format!("{}: {}.", speech.contract().id, speech.contract().licence));
}

fn paragraph(ui: &mut Ui, heading: &str, text: &str) {
    ui.add_space(8.0);
    ui.label(RichText::new(heading).strong());
    ui.label(text);
}
