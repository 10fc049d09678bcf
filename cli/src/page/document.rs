//! The page of one recording.

use std::fmt::Write as _;
use std::num::NonZeroUsize;

use moodline_core::Emotion;
use moodline_engine::Segment;
use moodline_engine::analysis::AnalysisConfig;
use moodline_engine::display::Summary;
use moodline_engine::display::text::escaped;
use moodline_engine::display::time::{clock_text, decimals_of_step, duration_text, tick_step, ticks};
use moodline_engine::export::Results;
use moodline_engine::marks::{MarkOptions, Stretch, Told, stretches};
use moodline_engine::segment::spans;
use moodline_engine::voices::Voice;

use super::moments::{self, Moment};
use super::policy;
use super::signs::{HEIGHT, hex, in_doubt, swatch, words};
use crate::plot::bands::{Column, columns, smoothing, stacked};
use crate::plot::{WIDTH as PICTURE_WIDTH, row_length};

const SCRIPT: &str = include_str!("page.js");

/// Width of a row's drawings, units; they are stretched to the width of the page.
const WIDTH: f64 = 1000.0;
/// Width of a column of probabilities or of the waveform, units.
const COLUMN: f64 = 2.0;
/// Minimum width of a part of a strip; shorter ones are merged into their neighbours, units.
const NARROWEST_PART: f64 = 4.0;
/// Distance between oblique lines, and their slant in strips and in bands, whose heights differ, units.
const LINES_APART: f64 = 14.0;
const STRIP_SLANT: f64 = 18.0;
const BANDS_SLANT: f64 = 80.0;
/// Distance between ticks, units.
const TICK_DISTANCE: f64 = 80.0;
/// Lists with more passages than this are collapsed.
const MANY_PASSAGES: usize = 60;

/// Number of parts of the time for which the waveform's peaks are needed.
pub(super) fn outline_parts(duration_s: f64) -> usize {
    let row_s = row_length(duration_s, f64::from(PICTURE_WIDTH));
    ((duration_s / row_s * WIDTH / COLUMN).ceil() as usize).max(1)
}

/// The page; `outlines` has [`outline_parts`] values for each voice, `source` is the URL of the recording.
pub(super) fn html(results: &Results, config: &AnalysisConfig, outlines: &[Vec<f32>], source: Option<&str>) -> String {
    let name = results.name();
    let passages = passages(results);
    let summary = results.summary();
    let mut body = heading(results, config, &name);
    if let Some(source) = source {
        write(&mut body, &player(source, results.duration_s));
    }
    write(&mut body, &timeline(results, outlines, &summary, source.is_some()));
    write(&mut body, &summary_tables(results, &summary, source.is_some()));
    write(&mut body, &passage_table(&passages, results.voices.len() > 1, source.is_some()));
    body.push_str(
        "<footer><p>Emotions are an estimate learnt from acted speech, not a fact about a person. In the EU emotion recognition must not be used on \
         people at work or in education (AI Act, Article 5(1)(f)). Made by Moodline on the machine where the recording was; this page loads nothing from \
         elsewhere.</p></footer>\n",
    );
    policy::page(&name, &body, source.map(|_| SCRIPT))
}

fn write(body: &mut String, part: &str) {
    body.push_str(part);
    body.push('\n');
}

fn heading(results: &Results, config: &AnalysisConfig, name: &str) -> String {
    let channels = if results.n_channels == 1 { "mono".to_owned() } else { format!("{} channels", results.n_channels) };
    format!(
        "<header><h1>{}</h1><p class=\"faint\">{}, {} Hz, {channels}; model {}, {}; {}</p></header>\n",
        escaped(name),
        duration_text(results.duration_s),
        results.sample_rate,
        escaped(&results.model_id),
        escaped(&results.backend),
        config.text()
    )
}

fn player(source: &str, duration_s: f64) -> String {
    format!(
        "<div class=\"player\"><audio controls preload=\"metadata\" src=\"{}\"></audio>\n<p class=\"now\">0:00 of {}</p></div>",
        escaped(source),
        clock_text(duration_s, 0)
    )
}

fn timeline(results: &Results, outlines: &[Vec<f32>], summary: &Summary, can_play: bool) -> String {
    let duration_s = results.duration_s;
    let row_s = row_length(duration_s, f64::from(PICTURE_WIDTH));
    let n_rows = (duration_s / row_s - 1e-9).ceil().max(1.0) as u32;
    let emotions = Emotion::ALL.map(|emotion| (Told::Emotion(emotion), emotion.name()));
    let others = [
        (Told::Uncertain(Emotion::Neutral), "uncertain: no emotion is probable enough"),
        (Told::Unfamiliar, "unfamiliar: unlike anything that the model learned from"),
        (Told::Nothing, "no speech"),
    ];
    let is_there = |told: Told| match told {
        Told::Uncertain(_) => summary.uncertain_s > 0.0,
        Told::Unfamiliar => summary.unfamiliar_s > 0.0,
        Told::Emotion(_) | Told::Nothing => true,
    };
    let entries = emotions.into_iter().chain(others).filter(|(told, _)| is_there(*told));
    let legend: String = entries.map(|(told, text)| format!("<li>{} {text}</li>", swatch(told))).collect();
    let about = escaped(&summary.text());
    let role = if can_play {
        format!(
            "role=\"slider\" tabindex=\"0\" aria-label=\"Position in the recording. {about}\" aria-valuemin=\"0\" \
             aria-valuemax=\"{duration_s:.3}\" aria-valuenow=\"0\" aria-valuetext=\"0:00\""
        )
    } else {
        format!("role=\"img\" aria-label=\"{about}\"")
    };
    let mut text = format!(
        "<section aria-labelledby=\"timeline\"><h2 id=\"timeline\">Timeline</h2>\n\
         <ul class=\"legend\" aria-label=\"Emotions from top to bottom, and what has none\">{legend}</ul>\n\
         <div {role} class=\"{}\">\n",
        if n_rows == 1 { "one" } else { "many" }
    );
    let options = MarkOptions { merge: true, min_length_s: NARROWEST_PART * row_s / WIDTH };
    let several = results.voices.len() > 1;
    let lanes: Vec<Lane<'_>> = results
        .voices
        .iter()
        .zip(outlines)
        .map(|(Voice { channel, segments, .. }, outline)| {
            let (parts, spans) = (stretches(segments, &options, results.certain_from), spans(segments));
            Lane { channel: channel.filter(|_| several), segments, parts, spans, duration_s, row_s, outline }
        })
        .collect();
    for index in 0..n_rows {
        let start_s = f64::from(index) * row_s;
        for lane in &lanes {
            write(&mut text, &lane.row(start_s, (start_s + row_s).min(duration_s)));
        }
    }
    text.push_str("</div></section>\n");
    text
}

/// One voice.
struct Lane<'a> {
    /// Its channel number, if there are several.
    channel: Option<NonZeroUsize>,
    segments: &'a [Segment],
    /// Parts of the strip.
    parts: Vec<Stretch>,
    spans: Vec<(f64, f64)>,
    duration_s: f64,
    /// Duration of a full row, seconds.
    row_s: f64,
    outline: &'a [f32],
}

impl Lane<'_> {
    fn row(&self, start_s: f64, end_s: f64) -> String {
        let step = tick_step(self.row_s / WIDTH, TICK_DISTANCE);
        let decimals = decimals_of_step(step);
        let lines: String = ticks(start_s, end_s, step)
            .map(|seconds| {
                let x = self.x(seconds, start_s);
                format!("<line class=\"tick\" x1=\"{x:.1}\" x2=\"{x:.1}\" y2=\"{HEIGHT}\"/>")
            })
            .collect();
        let drawings =
            [("strip", self.strip(start_s, end_s)), ("wave", self.wave(start_s, end_s)), ("bands", self.bands(start_s, end_s))];
        let drawings: String = drawings
            .into_iter()
            .map(|(class, shapes)| {
                let ticks = if class == "strip" { "" } else { &lines };
                format!(
                    "<svg class=\"{class}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" aria-hidden=\"true\">{shapes}{ticks}\
                     <line class=\"at\" y2=\"{HEIGHT}\"/></svg>\n"
                )
            })
            .collect();
        let name = self.channel.map_or_else(String::new, |channel| format!("<p class=\"lane\">channel {channel}</p>\n"));
        format!(
            "<div class=\"row\" data-start=\"{start_s:.3}\" data-end=\"{end_s:.3}\" data-length=\"{:.3}\">\n{name}{drawings}\
             <div class=\"times\"><span>{}</span><span>a line every {}</span><span>{}</span></div></div>",
            self.row_s,
            clock_text(start_s, decimals),
            if step < 1.0 { format!("{step} s") } else { duration_text(step) },
            clock_text(start_s + self.row_s, decimals)
        )
    }

    fn x(&self, seconds: f64, start_s: f64) -> f64 {
        (WIDTH * (seconds - start_s) / self.row_s).clamp(0.0, WIDTH)
    }

    /// The strip of emotions.
    fn strip(&self, start_s: f64, end_s: f64) -> String {
        self.parts
            .iter()
            .filter(|part| part.end_s > start_s && part.start_s < end_s)
            .map(|part| {
                let (left, right) = (self.x(part.start_s, start_s), self.x(part.end_s.min(end_s), start_s));
                match part.told {
                    Told::Emotion(emotion) => {
                        format!("<path d=\"M{left:.1} 0H{right:.1}V{HEIGHT}H{left:.1}Z\" fill=\"{}\"/>", hex(emotion))
                    }
                    other => in_doubt(other, (left, right), LINES_APART, STRIP_SLANT),
                }
            })
            .collect()
    }

    /// The peaks, mirrored about the middle; their square root makes quiet speech visible, too.
    fn wave(&self, start_s: f64, end_s: f64) -> String {
        let at = |seconds: f64| (seconds / self.duration_s * self.outline.len() as f64).round() as usize;
        let peaks = &self.outline[at(start_s)..at(end_s).min(self.outline.len())];
        let right = self.x(end_s, start_s);
        let x = |index: usize| right * (index as f64 + 0.5) / peaks.len().max(1) as f64;
        let half = |peak: f32| HEIGHT / 2.0 * f64::from(peak).sqrt();
        let upper: String =
            peaks.iter().enumerate().map(|(i, &peak)| format!("L{:.1} {:.1}", x(i), HEIGHT / 2.0 - half(peak))).collect();
        let lower: String =
            peaks.iter().enumerate().rev().map(|(i, &peak)| format!("L{:.1} {:.1}", x(i), HEIGHT / 2.0 + half(peak))).collect();
        format!("<path d=\"M0 {y}{upper}L{right:.1} {y}{lower}Z\"/>", y = HEIGHT / 2.0)
    }

    /// The probabilities as stacked bands.
    fn bands(&self, start_s: f64, end_s: f64) -> String {
        let column_s = COLUMN * self.row_s / WIDTH;
        let smooth_s = smoothing(self.segments, self.row_s / WIDTH).unwrap_or(column_s);
        let columns = columns(self.segments, &self.spans, (start_s, end_s), column_s, smooth_s);
        let mut first = 0;
        let mut text = String::new();
        for run in columns.chunk_by(|a, b| std::mem::discriminant(a) == std::mem::discriminant(b)) {
            let edge = |index: usize| (COLUMN * index as f64).min(self.x(end_s, start_s));
            let (left, right) = (edge(first), edge(first + run.len()));
            match run[0] {
                Column::Nothing => {}
                Column::NoSpeech => {
                    text.push_str(&format!("<path class=\"quiet\" d=\"M{left:.1} 0H{right:.1}V{HEIGHT}H{left:.1}Z\"/>"));
                }
                Column::Unfamiliar => text.push_str(&in_doubt(Told::Unfamiliar, (left, right), LINES_APART, BANDS_SLANT)),
                Column::Speech(_) => {
                    let tops: Vec<_> = run.iter().filter_map(Column::probabilities).map(stacked).collect();
                    for emotion in Emotion::ALL {
                        let mut path = format!("M{left:.1} {HEIGHT}");
                        for (index, tops) in tops.iter().enumerate() {
                            let y = HEIGHT * (1.0 - tops[emotion.index()]);
                            // INVARIANT: writing to a String cannot fail.
                            write!(path, "L{:.1} {y:.1}H{:.1}", edge(first + index), edge(first + index + 1))
                                .expect("a String takes any text");
                        }
                        text.push_str(&format!("<path fill=\"{}\" d=\"{path}V{HEIGHT}Z\"/>", hex(emotion)));
                    }
                }
            }
            first += run.len();
        }
        text
    }
}

/// A table cell with a time, which can be clicked if there is something to play.
fn time_cell(start_s: f64, can_play: bool) -> String {
    let time = clock_text(start_s, 1);
    if can_play {
        format!("<button type=\"button\" data-t=\"{start_s:.3}\" aria-label=\"Play from {time}\">{time}</button>")
    } else {
        time
    }
}

/// A table cell with the channel number, if channels are distinguished.
fn channel_cell(channel: Option<NonZeroUsize>) -> String {
    channel.map_or_else(String::new, |channel| format!("<td class=\"number\">{channel}</td>"))
}

const fn channel_title(several: bool) -> &'static str {
    if several { "<th scope=\"col\" class=\"number\">channel</th>" } else { "" }
}

fn summary_tables(results: &Results, summary: &Summary, can_play: bool) -> String {
    let mut rows = String::new();
    for (emotion, share) in summary.shares() {
        rows.push_str(&format!(
            "<tr><td>{} {emotion}</td><td class=\"number\">{}</td><td class=\"number\">{:.0} %</td><td><svg class=\"share\" viewBox=\"0 0 100 10\" \
             preserveAspectRatio=\"none\" aria-hidden=\"true\"><path d=\"M0 0H{:.1}V10H0Z\" fill=\"{}\"/></svg></td></tr>\n",
            swatch(Told::Emotion(emotion)),
            clock_text(summary.emotion_s[emotion.index()], 0),
            100.0 * share,
            100.0 * share,
            hex(emotion)
        ));
    }
    let several = results.voices.len() > 1;
    let texts = results.voices.iter().map(|Voice { channel, segments, .. }| {
        let name = channel.filter(|_| several).map_or_else(String::new, |channel| format!("Channel {channel}: "));
        format!("<p>{name}{}.</p>", escaped(&Summary::of(segments, results.duration_s, results.certain_from).text()))
    });
    let texts: String = texts.collect();
    let shares = format!(
        "<div><h3>Emotions</h3>{texts}\n<table><thead><tr><th scope=\"col\">emotion</th><th scope=\"col\" class=\"number\">time</th>\
         <th scope=\"col\" class=\"number\">of the speech</th><td></td></tr></thead><tbody>\n{rows}</tbody></table></div>\n"
    );
    let list = |title: &str, none: &str, moments: &[Moment]| {
        let rows: String = moments
            .iter()
            .map(|moment| {
                let Moment { start_s, channel, told, probability } = *moment;
                // These tables are too narrow for another column.
                let channel = channel.filter(|_| several).map_or_else(String::new, |channel| format!("{channel}: "));
                format!(
                    "<tr><td>{}</td><td class=\"told\">{} {channel}{}</td><td class=\"number\">{:.0} %</td></tr>\n",
                    time_cell(start_s, can_play),
                    swatch(told),
                    words(told),
                    100.0 * probability
                )
            })
            .collect();
        if rows.is_empty() {
            return format!("<div><h3>{title}</h3><p>{none}</p></div>\n");
        }
        format!(
            "<div><h3>{title}</h3><table><thead><tr><th scope=\"col\">from</th><th scope=\"col\">emotion</th>\
             <th scope=\"col\" class=\"number\">probability</th></tr></thead><tbody>\n{rows}</tbody></table></div>\n"
        )
    };
    let found = results.found();
    let intense = list("Most intense", "Nothing but neutral speech.", &moments::most_intense(&found, results.certain_from));
    let uncertain = list("Uncertain", "No block is uncertain.", &moments::uncertain(&found, results.certain_from));
    format!(
        "<section aria-labelledby=\"summary\"><h2 id=\"summary\">Summary</h2><div class=\"columns\">\n{shares}{intense}{uncertain}</div></section>\n"
    )
}

/// A passage, and its channel number if channels are distinguished.
type Passage = (Option<NonZeroUsize>, Stretch);

/// Passages of speech by start time, without pauses.
fn passages(results: &Results) -> Vec<Passage> {
    let several = results.voices.len() > 1;
    let options = MarkOptions { merge: true, min_length_s: 0.0 };
    let of_voice = |Voice { channel, segments, .. }: &Voice| {
        let channel = channel.filter(|_| several);
        stretches(segments, &options, results.certain_from).into_iter().map(move |stretch| (channel, stretch)).collect::<Vec<_>>()
    };
    let mut passages: Vec<Passage> = results.voices.iter().flat_map(of_voice).collect();
    passages.retain(|(_, stretch)| stretch.told != Told::Nothing);
    passages.sort_by(|(_, a), (_, b)| a.start_s.total_cmp(&b.start_s));
    passages
}

fn passage_table(passages: &[Passage], several: bool, can_play: bool) -> String {
    if passages.is_empty() {
        return String::new();
    }
    let row = |(channel, passage): &Passage| {
        let (words, percent) = (words(passage.told), format!("{:.0} %", 100.0 * passage.probability()));
        // Unfamiliar sounds have no meaningful probability.
        let percent = if passage.told == Told::Unfamiliar { "-" } else { &percent };
        let said = if passage.told == Told::Unfamiliar { words.clone() } else { format!("{words} {percent}") };
        format!(
            "<tr data-start=\"{:.3}\" data-end=\"{:.3}\" data-said=\"{}{said}\"><td>{}</td>{}<td class=\"number\">{}</td><td class=\"told\">{} {words}</td><td class=\"number\">{percent}</td></tr>\n",
            passage.start_s,
            passage.end_s,
            channel.map_or_else(String::new, |channel| format!("{channel}: ")),
            time_cell(passage.start_s, can_play),
            channel_cell(*channel),
            clock_text(passage.length_s(), 1),
            swatch(passage.told),
        )
    };
    let rows: String = passages.iter().map(row).collect();
    let open = if passages.len() > MANY_PASSAGES { "" } else { " open" };
    format!(
        "<section aria-labelledby=\"passages\"><h2 id=\"passages\">Passages</h2>\n<details{open}><summary>{} passages</summary>\
         <div class=\"scroll\"><table><thead><tr><th scope=\"col\">from</th>{}<th scope=\"col\" class=\"number\">length</th><th scope=\"col\">emotion</th>\
         <th scope=\"col\" class=\"number\">probability</th></tr></thead><tbody>\n{rows}</tbody></table></div></details></section>\n",
        passages.len(),
        channel_title(several)
    )
}

#[cfg(test)]
mod tests {
    use moodline_core::Probabilities;
    use moodline_engine::State;

    use super::*;

    /// A page with angry, uncertain and unfamiliar speech and a pause, five seconds each.
    fn page(source: Option<&str>) -> String {
        let answer = |values| Probabilities::new(values).unwrap();
        let states = [
            State::Speech(answer([0.9, 0.1, 0.0, 0.0])),
            State::Speech(answer([0.3, 0.35, 0.2, 0.15])),
            State::Unfamiliar(answer([0.0, 0.0, 1.0, 0.0])),
            State::NoSpeech,
        ];
        let segments = (0..).zip(states).map(|(index, state)| Segment {
            start_s: 5.0 * f64::from(index),
            end_s: 5.0 * f64::from(index + 1),
            state,
        });
        let results = Results {
            file: "talk.wav".to_owned(),
            sample_rate: 16_000,
            n_channels: 1,
            duration_s: 20.0,
            model_id: "m".to_owned(),
            model_fingerprint: "0f".to_owned(),
            backend: "native".to_owned(),
            certain_from: 0.4,
            voices: vec![Voice { segments: segments.collect(), ..Voice::default() }],
        };
        let outline = vec![0.25; outline_parts(20.0)];
        html(&results, &AnalysisConfig::default(), &[outline], source)
    }

    #[test]
    fn doubt_is_told_in_words_and_by_shapes() {
        let page = page(Some("talk.wav"));
        for said in ["angry 90 %", "uncertain, leaning happy 35 %", "unfamiliar"] {
            assert_eq!(page.matches(&format!("data-said=\"{said}\"")).count(), 1, "{said}");
        }
        assert_eq!(page.matches("<tr data-start").count(), 3, "a pause is no passage");
        assert!(!page.contains(" sad "), "what is unfamiliar is told no emotion");
        let strip = page.split("<svg class=\"strip\"").nth(1).unwrap().split("</svg>").next().unwrap();
        let angry = format!("<path d=\"M0.0 0H250.0V100H0.0Z\" fill=\"{}\"/>", hex(Emotion::Angry));
        let uncertain = "<path class=\"sign\" d=\"M250.0 50H500.0V100H250.0Z\"/>";
        let (quiet, pause) =
            ("<path class=\"quiet\" d=\"M500.0 0H750.0", "<path class=\"sign\" d=\"M750.0 46H1000.0V54H750.0Z\"/>");
        for shape in [&angry, uncertain, quiet, "<path class=\"oblique\"", pause] {
            assert!(strip.contains(shape), "{shape} in {strip}");
        }
        let legend = page.split("<ul class=\"legend\"").nth(1).unwrap().split("</ul>").next().unwrap();
        for word in ["uncertain: no emotion is probable enough", "unfamiliar: unlike anything", "no speech"] {
            assert!(legend.contains(word), "{word} in {legend}");
        }
    }
}
