//! `trainer corpus`: from the folder of a corpus to a manifest, and the statistics of a manifest.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use moodline_core::Emotion;

use super::{Force, Pool};
use crate::base::console;
use crate::base::files;
use crate::base::plot::Figure as _;
use crate::base::progress::{Interrupt, Progress};
use crate::data::corpus::{
    Acting, Columns, Fractions, Hints, LabelMap, Layout, SpeakerPattern, Table, TableOptions, check_iemocap,
};
use crate::data::manifest::{Manifest, Splits};
use crate::data::stats::Statistics;

/// Creates manifests of corpora, and shows their content
#[derive(Args)]
pub(super) struct CorpusArgs {
    #[command(subcommand)]
    command: CorpusCommand,
}

#[derive(Subcommand)]
enum CorpusCommand {
    Manifest(ManifestArgs),
    Check(CheckArgs),
    Stats(StatsArgs),
}

/// Writes the manifest of a corpus in its official layout
#[derive(Args)]
#[command(after_help = "\
Files whose names do not fit are listed and left out. Speakers get the name of the corpus as a prefix, so several manifests can be used together.
A label map replaces the built-in one; for each emotion, it lists the codes of the corpus:
  angry = [\"ang\", \"fru\"]
  happy = [\"hap\"]
  sad = [\"sad\"]
  neutral = [\"neu\"]

Examples:
  trainer corpus manifest crema-d CREMA-D --out crema-d.csv --split 0.7,0.15,0.15
  trainer corpus manifest iemocap IEMOCAP_full_release --part improvised --excited drop --out iemocap.csv
  trainer corpus manifest folders recordings --speaker '^([a-z]+)_' --out mine.csv --split 0.8,0.2,0
  trainer corpus manifest csv theirs.csv --column path=file --column emotion=label --labels map.toml --out mine.csv

Exit codes: 0 success, 1 some files were left out (the manifest is still written) or nothing could be written, 2 wrong usage.")]
struct ManifestArgs {
    /// Layout of the corpus
    #[arg(value_enum)]
    layout: Layout,
    /// Its folder as unpacked; for csv, the table
    #[arg(value_name = "FOLDER")]
    root: PathBuf,
    /// Manifest to write
    #[arg(long, value_name = "CSV")]
    out: PathBuf,
    /// Name of the corpus [default: the name of the layout; for csv, that of the table]
    #[arg(long)]
    name: Option<String>,
    /// Label map, TOML
    #[arg(long, value_name = "TOML")]
    labels: Option<PathBuf>,
    /// Splits the speakers; fractions of the recordings for train, dev and test
    #[arg(long, value_name = "TRAIN,DEV,TEST")]
    split: Option<Fractions>,
    /// Seed of the split
    #[arg(long, default_value_t = 0, requires = "split")]
    seed: u64,
    /// Only one part of IEMOCAP
    #[arg(long, value_enum)]
    part: Option<Acting>,
    /// IEMOCAP's excited turns: merged with happy (merge) or left out (drop) [default: merge]
    #[arg(long, value_enum)]
    excited: Option<Excited>,
    /// For folders and csv: regular expression whose first group matches the speaker in a file name
    #[arg(long, value_name = "REGEX")]
    speaker: Option<SpeakerPattern>,
    /// For csv: name of the column for path, speaker, emotion, session, language, text, split or perceived
    #[arg(long = "column", value_name = "NAME=COLUMN")]
    columns: Vec<Columns>,
    #[command(flatten)]
    force: Force,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Excited {
    Merge,
    Drop,
}

/// Compares a copy of a corpus with its published counts
#[derive(Args)]
struct CheckArgs {
    /// Corpus
    #[arg(value_enum)]
    corpus: Checked,
    /// Its folder as unpacked
    folder: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Checked {
    Iemocap,
}

/// Measures classes, speakers, durations, levels, bandwidths, duplicates and silence
#[derive(Args)]
#[command(after_help = "\
Levels are dBFS over the whole recording; the bandwidth ends where the long-term average spectrum is 70 dB below its peak. Recordings with the same samples are
listed together, whatever their names.

Example:
  trainer corpus stats crema-d.csv emodb.csv --json stats.json --svg stats.svg")]
struct StatsArgs {
    /// Manifests
    #[arg(value_name = "CSV", required = true)]
    manifests: Vec<PathBuf>,
    /// Also writes the statistics to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also draws them to this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    #[command(flatten)]
    pool: Pool,
    #[command(flatten)]
    force: Force,
}

pub(super) fn run(arguments: &CorpusArgs, progress: Progress, interrupt: &Interrupt) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        CorpusCommand::Manifest(arguments) => manifest(arguments),
        CorpusCommand::Check(arguments) => check(arguments),
        CorpusCommand::Stats(arguments) => stats(arguments, progress, interrupt),
    }
}

fn manifest(arguments: &ManifestArgs) -> anyhow::Result<ExitCode> {
    let ManifestArgs { layout, root, out, .. } = arguments;
    for (option, given, of) in [
        ("--speaker", arguments.speaker.is_some(), &[Layout::Folders, Layout::Csv][..]),
        ("--column", !arguments.columns.is_empty(), &[Layout::Csv]),
        ("--part", arguments.part.is_some(), &[Layout::Iemocap]),
        ("--excited", arguments.excited.is_some(), &[Layout::Iemocap]),
    ] {
        if given && !of.contains(layout) {
            let of: Vec<&str> = of.iter().map(|layout| layout.name()).collect();
            console::note(format_args!("error: {option} is for the layout {}, found {layout}; leave it away", of.join(" or ")));
            return Ok(ExitCode::from(2));
        }
    }
    let labels = match &arguments.labels {
        Some(path) => LabelMap::parse(&path.display().to_string(), &files::read_text(path)?)?,
        None => LabelMap::of(*layout),
    };
    let hints = Hints { speaker: arguments.speaker.clone(), columns: arguments.columns.iter().cloned().collect() };
    let found = layout.find(root, &hints)?;
    let reads = found.recordings.iter().map(|recording| &recording.path).chain(&found.sources).chain(&arguments.labels);
    arguments.force.plan().read(reads).write([out]).check()?;
    let options = TableOptions {
        corpus: arguments.name.clone().unwrap_or_else(|| name_of(*layout, root)),
        labels: if arguments.excited == Some(Excited::Drop) { labels.without("exc") } else { labels },
        part: arguments.part,
        split: arguments.split.map(|fractions| (fractions, arguments.seed)),
    };
    let table = Table::new(found.recordings, &options)?;
    anyhow::ensure!(!table.rows.is_empty(), "{}: no recording is left with the label map and the part asked for", root.display());
    files::create_folder(files::folder_of(out))?;
    files::write_atomically(out, &table.to_csv(files::folder_of(out)))?;
    let counts = table.class_counts();
    let classes: Vec<String> = Emotion::ALL.iter().map(|emotion| format!("{emotion} {}", counts[emotion.index()])).collect();
    console::print_line(format_args!("wrote {}: {} recordings ({})", out.display(), table.rows.len(), classes.join(", ")))?;
    if !table.left_out.is_empty() {
        let codes: Vec<String> = table.left_out.iter().map(|(code, n)| format!("{code} {n}")).collect();
        console::print_line(format_args!("left out, no emotion of the label map: {}", codes.join(", ")))?;
    }
    if found.n_copies > 0 {
        console::print_line(format_args!("left out, further files or lines of the same recordings: {}", found.n_copies))?;
    }
    if found.n_other > 0 {
        console::print_line(format_args!("left out, no speech: {}", found.n_other))?;
    }
    let code = tell(&found.problems);
    // Anything that training would refuse is reported immediately.
    if let Err(error) = Manifest::read(std::slice::from_ref(out), table.splits()) {
        let advice = if error.is_about_splits() && arguments.split.is_none() {
            "\n  --split 0.7,0.15,0.15 makes other splits, with every speaker in one"
        } else {
            ""
        };
        console::note(format_args!("error: {error}{advice}"));
        return Ok(ExitCode::from(1));
    }
    Ok(code)
}

fn name_of(layout: Layout, root: &Path) -> String {
    match root.file_stem() {
        Some(stem) if layout == Layout::Csv => stem.to_string_lossy().into_owned(),
        _ => layout.name().to_owned(),
    }
}

fn check(arguments: &CheckArgs) -> anyhow::Result<ExitCode> {
    let Checked::Iemocap = arguments.corpus;
    let (lines, problems) = check_iemocap(&arguments.folder)?;
    console::print_line(format_args!("{:<16} {:>9} {:>9}", "", "published", "found"))?;
    for line in &lines {
        let mark = if line.agrees() { "" } else { "  differs" };
        console::print_line(format_args!("{:<16} {:>9} {:>9}{mark}", line.what, line.expected, line.found))?;
    }
    let n_different = lines.iter().filter(|line| !line.agrees()).count();
    if n_different == 0 {
        console::print_line(format_args!("all {} counts agree with the published ones", lines.len()))?;
    } else {
        console::note(format_args!("error: {n_different} of {} counts differ from the published ones", lines.len()));
    }
    let told = tell(&problems);
    Ok(if n_different == 0 { told } else { ExitCode::from(1) })
}

fn stats(arguments: &StatsArgs, progress: Progress, interrupt: &Interrupt) -> anyhow::Result<ExitCode> {
    let manifest = match Manifest::read(&arguments.manifests, Splits::Required) {
        Err(error) if error.lacks_only_splits() => Manifest::read(&arguments.manifests, Splits::Ignored)?,
        outcome => outcome?,
    };
    let files = arguments.force.plan().read(&arguments.manifests).read(manifest.audio());
    files.write(arguments.json.iter().chain(&arguments.svg)).check()?;
    let statistics = arguments.pool.install(|| Statistics::measure(&manifest, progress, interrupt))??;
    console::print(&statistics)?;
    let write = |path: &Path, text: String| -> anyhow::Result<()> {
        files::create_folder(files::folder_of(path))?;
        files::write_atomically(path, text.as_bytes())?;
        progress.line(&format!("wrote {}", path.display()));
        Ok(())
    };
    if let Some(path) = &arguments.json {
        write(path, statistics.to_json())?;
    }
    if let Some(path) = &arguments.svg {
        write(path, statistics.svg()?)?;
    }
    Ok(ExitCode::from(u8::from(!statistics.problems.is_empty())))
}

/// Lists what could not be used; the exit code shows whether there was anything.
fn tell(problems: &[String]) -> ExitCode {
    if problems.is_empty() {
        return ExitCode::SUCCESS;
    }
    console::note(format_args!(
        "error: {} could not be used",
        if problems.len() == 1 {
            "1 file, folder or line".to_owned()
        } else {
            format!("{} files, folders or lines", problems.len())
        }
    ));
    problems.iter().for_each(|problem| console::note(format_args!("  {problem}")));
    ExitCode::from(1)
}
