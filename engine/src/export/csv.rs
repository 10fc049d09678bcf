//! Comma-separated values.

use std::fmt;

use super::Results;
use crate::display::is_uncertain;
use crate::segment::Segment;
use crate::voices::Found;

/// The columns.
const COLUMNS: [&str; 14] = [
    "file",
    "start_s",
    "end_s",
    "state",
    "emotion",
    "angry",
    "happy",
    "sad",
    "neutral",
    "features_ms",
    "inference_ms",
    "channel",
    "activation",
    "uncertain",
];

/// The dialect of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CsvDialect {
    /// RFC 4180 with line feeds: commas between columns, decimal points. For programs.
    Rfc4180,
    /// For spreadsheets opened by double click in locales with decimal commas, as in most of Europe and South America: a byte order mark, semicolons
    /// between columns, decimal commas, and CR LF.
    Excel,
}

impl CsvDialect {
    /// All dialects.
    pub const ALL: [Self; 2] = [Self::Rfc4180, Self::Excel];

    /// The name typed by users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rfc4180 => "rfc4180",
            Self::Excel => "excel",
        }
    }

    const fn separator(self) -> &'static str {
        match self {
            Self::Rfc4180 => ",",
            Self::Excel => ";",
        }
    }

    /// The first line of a file, and the bytes before it.
    pub(super) fn header(self) -> String {
        let mark = match self {
            Self::Rfc4180 => "",
            Self::Excel => "\u{feff}",
        };
        format!("{mark}{}", self.row(COLUMNS))
    }

    fn row(self, fields: impl IntoIterator<Item = impl AsRef<str>>) -> String {
        let fields: Vec<String> = fields.into_iter().map(|field| self.field(field.as_ref())).collect();
        let end = match self {
            Self::Rfc4180 => "\n",
            Self::Excel => "\r\n",
        };
        format!("{}{end}", fields.join(self.separator()))
    }

    /// `text` as one field: quoted where a separator, quote or line break would end it.
    fn field(self, text: &str) -> String {
        let ends = text.contains(['"', '\n', '\r']) || text.contains(self.separator());
        if ends { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
    }

    fn number(self, value: f64, n_decimals: usize) -> String {
        let text = format!("{value:.n_decimals$}");
        match self {
            Self::Rfc4180 => text,
            Self::Excel => text.replace('.', ","),
        }
    }

    /// One row per block.
    pub(super) fn rows(self, results: &Results) -> String {
        let row = |Found { channel, segment, latency }: Found| {
            let Segment { start_s, end_s, state } = &segment;
            let emotion = segment.emotion().map_or("", |emotion| emotion.name()).to_owned();
            let mut row =
                vec![results.file.clone(), self.number(*start_s, 6), self.number(*end_s, 6), state.name().to_owned(), emotion];
            match segment.answer() {
                Some(probabilities) => row.extend(probabilities.as_array().map(|value| self.number(f64::from(value), 6))),
                None => row.extend([const { String::new() }; 4]),
            }
            row.extend([latency.features, latency.inference].map(|time| self.number(time.as_secs_f64() * 1e3, 3)));
            row.push(channel.map_or_else(String::new, |channel| channel.to_string()));
            match segment.answer() {
                Some(answer) => row.extend([
                    self.number(f64::from(answer.activation()), 6),
                    is_uncertain(&segment, results.certain_from).to_string(),
                ]),
                None => row.extend([const { String::new() }; 2]),
            }
            self.row(row)
        };
        results.found().into_iter().map(row).collect()
    }
}

impl fmt::Display for CsvDialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
