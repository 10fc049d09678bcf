//! Settings for common tasks, as starting points.
//!
//! Hosts list them as presets, and the editor in its settings. A preset sets the parameters it names and leaves the others, the model and all recordings
//! unchanged.

/// A named set of parameter values.
#[derive(Debug)]
pub struct Preset {
    /// The id that hosts store; never changes.
    pub id: &'static str,
    /// The displayed name.
    pub name: &'static str,
    /// Its purpose, in one sentence.
    pub description: &'static str,
    /// Ids of parameters and their values, in the unit of each.
    pub values: &'static [(&'static str, f32)],
}

/// All presets, the most common task first.
pub const PRESETS: [Preset; 4] = [
    Preset {
        id: "dialogue",
        name: "Dialogue",
        description: "Edited dialogue, phrase by phrase: short blocks that follow quick turns.",
        values: &[("window", 3.0), ("hop", 0.5), ("smoothing", 0.0), ("gate", -80.0)],
    },
    Preset {
        id: "podcast",
        name: "Podcast",
        description: "One voice or two at a steady level: whole sentences, a calm display, room noise kept out.",
        values: &[("window", 5.0), ("hop", 0.5), ("smoothing", 2.0), ("gate", -60.0)],
    },
    Preset {
        id: "long",
        name: "Long recording",
        description: "Audiobooks and hours of tape: few blocks, so that many hours fit into the project.",
        values: &[("window", 10.0), ("hop", 5.0), ("smoothing", 5.0), ("gate", -80.0)],
    },
    Preset {
        id: "fast",
        name: "Fast",
        description: "Comparing takes and playing live: the shortest blocks, a new answer every quarter of a second.",
        values: &[("window", 2.0), ("hop", 0.25), ("smoothing", 0.0), ("gate", -80.0)],
    },
];
