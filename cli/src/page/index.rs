//! The index of a folder of pages: a sortable table with one row per recording.

use moodline_core::Emotion;
use moodline_engine::display::Summary;
use moodline_engine::display::text::escaped;
use moodline_engine::display::time::clock_text;

use super::audio::encoded;
use super::policy;

/// The file name of the index.
pub(crate) const FILE: &str = "index.html";

const SCRIPT: &str = include_str!("index.js");

/// One recording.
#[derive(Clone, Debug)]
pub(crate) struct IndexRow {
    /// Path of its page within the folder, as components from the outermost.
    pub(crate) page: Vec<String>,
    /// The displayed name.
    pub(crate) name: String,
    pub(crate) summary: Summary,
}

/// The page.
pub(super) fn html(rows: &[IndexRow]) -> String {
    let mut total = Summary::default();
    rows.iter().for_each(|row| total.add(&row.summary));
    let heads =
        ["recording", "length", "speech"].into_iter().chain(Emotion::ALL.map(Emotion::name)).chain(["uncertain", "unfamiliar"]);
    let heads: String = heads
        .enumerate()
        .map(|(column, head)| {
            let class = if column > 0 { " class=\"number\"" } else { "" };
            format!("<th scope=\"col\"{class}><button type=\"button\">{head}</button></th>")
        })
        .collect();
    let body: String = rows.iter().map(row).collect();
    let body = format!(
        "<header><h1>{} recordings</h1><p>{}.</p></header>\n<div class=\"scroll\"><table><thead><tr>{heads}</tr></thead><tbody>\n{body}</tbody></table></div>\n\
         <footer><p>Shares are of the speech; what is unfamiliar is unlike anything that the model learned from, and in none of them. A click on a title sorts. Emotions are an estimate learnt from acted speech, not a fact about a person.</p></footer>\n",
        rows.len(),
        escaped(&total.text())
    );
    policy::page("Recordings", &body, Some(SCRIPT))
}

fn row(row: &IndexRow) -> String {
    let IndexRow { page, name, summary } = row;
    let href = page.iter().map(|part| encoded(part)).collect::<Vec<_>>().join("/");
    let speech_s = summary.speech_s();
    let time = |seconds: f64| format!("<td class=\"number\" data-value=\"{seconds:.3}\">{}</td>", clock_text(seconds, 0));
    let share = |part_s: f64| match speech_s > 0.0 {
        true => format!("<td class=\"number\" data-value=\"{:.4}\">{:.0} %</td>", part_s / speech_s, 100.0 * part_s / speech_s),
        false => "<td class=\"number\" data-value=\"-1\">-</td>".to_owned(),
    };
    let shares: String = summary.emotion_s.into_iter().chain([summary.uncertain_s]).map(share).collect();
    let unfamiliar = time(summary.unfamiliar_s);
    format!(
        "<tr><td class=\"name\"><a href=\"./{}\">{}</a></td>{}{}{shares}{unfamiliar}</tr>\n",
        escaped(&href),
        escaped(name),
        time(summary.duration_s),
        time(speech_s)
    )
}
