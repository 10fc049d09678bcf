//! The results, as JSON and as a readable report.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::cells::{rounded, yes_or_no};
use super::inner_loop::LoopResults;
use super::machine::Machine;
use super::plugin::PluginResults;

/// Maximum peak memory for analysing an hour, in any format.
const MAX_PEAK_BYTES: u64 = 60_000_000;

/// Maximum processor time of the analysis, as a multiple of that of ffmpeg, which only decodes and resamples.
const MAX_FFMPEG_RATIO: f64 = 1.3;

/// The default backend of `moodline analyze`.
const DEFAULT_BACKEND: &str = "native";

/// Minimum speed-up of training with two threads over one.
const MIN_SCALING: f64 = 1.8;

/// All results: the latest run against the peers, and the latest run of the plugin.
#[derive(Serialize, Deserialize)]
pub(super) struct Results {
    pub(super) machine: Machine,
    pub(super) versions: BTreeMap<String, String>,
    pub(super) rounds: u32,
    pub(super) cases: Vec<Measured>,
    #[serde(default)]
    pub(super) scaling: Vec<Scaling>,
    #[serde(default)]
    pub(super) hours: Hours,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) plugin: Option<PluginResults>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) inner_loop: Option<LoopResults>,
}

/// Results that do not involve the peers, which are kept when the peers are measured again.
#[derive(Default, Deserialize)]
pub(super) struct Kept {
    pub(super) plugin: Option<PluginResults>,
    pub(super) inner_loop: Option<LoopResults>,
}

impl Results {
    /// The results of an earlier run, from the folder `bench`.
    ///
    /// # Errors
    /// There are none, or they were written by another version.
    pub(super) fn read(bench: &Path) -> Result<Self> {
        let path = bench.join("results.json");
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is not what this version writes", path.display()))
    }

    /// Earlier results of the plugin and the inner loop, whichever version wrote the rest.
    ///
    /// # Errors
    /// There are results, but they cannot be read.
    pub(super) fn kept(bench: &Path) -> Result<Kept> {
        let path = bench.join("results.json");
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .with_context(|| format!("{} holds no figures that this version reads; move it away", path.display())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Kept::default()),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Writes `results.json` and `RESULTS.md` into the folder `bench`.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn write(&self, bench: &Path) -> Result<()> {
        fs::write(bench.join("results.json"), serde_json::to_string_pretty(self)? + "\n")?;
        fs::write(bench.join("RESULTS.md"), markdown(self))?;
        Ok(())
    }
}

/// One case.
#[derive(Serialize, Deserialize)]
pub(super) struct Measured {
    pub(super) name: String,
    pub(super) title: String,
    /// Time of the project, median over the rounds.
    pub(super) milliseconds: f64,
    pub(super) enough_milliseconds: Option<f64>,
    #[serde(default)]
    pub(super) at_most_milliseconds: Option<f64>,
    pub(super) peers: Vec<PeerResult>,
}

/// One peer in one case.
#[derive(Serialize, Deserialize)]
pub(super) struct PeerResult {
    pub(super) name: String,
    pub(super) milliseconds: f64,
    /// Median over the rounds of the peer's time divided by the project's.
    pub(super) ratio: f64,
    pub(super) target: Option<f64>,
}

/// Training with two threads.
#[derive(Serialize, Deserialize)]
pub(super) struct Scaling {
    pub(super) title: String,
    pub(super) one_milliseconds: f64,
    pub(super) two_milliseconds: f64,
    /// Median over the rounds of the time of one thread divided by the time of two.
    pub(super) ratio: f64,
    /// Combined throughput of two single-threaded training processes side by side, relative to one alone: the limit of the two cores.
    pub(super) independent_ratio: f64,
}

/// `moodline analyze --jobs 1` on one hour of 48 kHz stereo, alternating with ffmpeg, as written by `peers/hour.py`.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Hours {
    /// Version of ffmpeg, if installed.
    pub(super) ffmpeg: Option<String>,
    hours: Vec<Hour>,
    /// Formats that no program here can write.
    pub(super) missing: Vec<String>,
}

/// One format.
#[derive(Serialize, Deserialize)]
struct Hour {
    format: String,
    peak_bytes: u64,
    /// Processor time, as for all programs here.
    ffmpeg_seconds: Option<f64>,
    runs: Vec<Run>,
}

/// One backend of the network.
#[derive(Serialize, Deserialize)]
struct Run {
    backend: String,
    seconds: f64,
    /// Median over the rounds of the project's time divided by ffmpeg's.
    ratio: Option<f64>,
}

impl Measured {
    /// Whether the promise about this peer is kept; `None` if there is none.
    pub(super) fn kept(&self, peer: &PeerResult) -> Option<bool> {
        let fast_enough = self.enough_milliseconds.is_some_and(|enough| self.milliseconds <= enough);
        peer.target.map(|target| fast_enough || peer.ratio >= target)
    }
}

/// `bench/RESULTS.md`.
pub(super) fn markdown(results: &Results) -> String {
    let plugin = results.plugin.as_ref().map(PluginResults::markdown).unwrap_or_default();
    peers(results) + &plugin + &results.inner_loop.as_ref().map(LoopResults::markdown).unwrap_or_default()
}

fn peers(results: &Results) -> String {
    let Machine { date, cpu, cores, os, python, compiler } = &results.machine;
    let mut text = String::from("# Moodline and its peers\n\n");
    text += "Written by `cargo xtask bench --peers`; do not edit. Each side runs on one thread of one core, unless it says otherwise. All sides stay alive and take \
             turns; a ratio is\nthe median over the rounds of the peer's time divided by Moodline's time in the same round. Every peer but ncps \
             was first\nchecked to compute what Moodline computes (torchaudio: the MFCC alone); training epochs are timed only. Beside the whole path stand the usual \
             features of\na voice, without a detector and without a network.\n\n![ratios](ratios.svg)\n\n";
    text += "| measured | ms | how many times faster | target | kept |\n|---|---:|---:|---:|---|\n";
    for case in &results.cases {
        let enough = case.enough_milliseconds.map(|enough| format!("or at most {enough} ms"));
        let at_most = case.at_most_milliseconds.map(|most| format!("at most {most} ms"));
        let kept = case.at_most_milliseconds.map_or("", |most| yes_or_no(case.milliseconds <= most));
        let promise = at_most.or(enough).unwrap_or_default();
        line(&mut text, &[&format!("**{}**: Moodline", case.title), &rounded(case.milliseconds), "", &promise, kept]);
        for peer in &case.peers {
            let target = peer.target.map_or(String::new(), |target| format!("{target}"));
            let kept = case.kept(peer).map_or("", yes_or_no);
            line(&mut text, &[&peer.name, &rounded(peer.milliseconds), &format!("{:.1}", peer.ratio), &target, kept]);
        }
    }
    if !results.scaling.is_empty() {
        text += "\n| measured | ms, one thread | ms, two threads | how many times faster | target | kept | what the cores allow: two programs side by side |\n\
                 |---|---:|---:|---:|---:|---|---:|\n";
    }
    for Scaling { title, one_milliseconds, two_milliseconds, ratio, independent_ratio } in &results.scaling {
        let [one, two] = [*one_milliseconds, *two_milliseconds].map(rounded);
        let kept = yes_or_no(*ratio >= MIN_SCALING);
        line(
            &mut text,
            &[title, &one, &two, &format!("{ratio:.2}"), &format!("{MIN_SCALING}"), kept, &format!("{independent_ratio:.2}")],
        );
    }
    text += &results.hours.markdown();
    let versions: Vec<_> = results.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let _ = writeln!(
        text,
        "\n- Date: {date}; {} rounds\n- Machine: {cpu}, {cores} cores; {os}\n- Compiler: {compiler}; Python {python}\n- Versions: {}",
        results.rounds,
        versions.join(", ")
    );
    text
}

impl Hours {
    fn markdown(&self) -> String {
        if self.hours.is_empty() {
            return String::new();
        }
        let mut text = String::from(
            "\nOne hour of 48 kHz stereo, `moodline analyze --jobs 1`, in turn with `ffmpeg -threads 1 -i FILE -ac 1 -ar 16000 -f null -`, which only decodes and \
             resamples:\nprocessor time of the whole program, user and system.\n\n\
             | recording | network | s | ffmpeg, s | ratio | at most | kept | peak MB | at most | kept |\n|---|---|---:|---:|---:|---:|---|---:|---:|---|\n",
        );
        for Hour { format, peak_bytes, ffmpeg_seconds, runs } in &self.hours {
            for Run { backend, seconds, ratio } in runs {
                let ffmpeg = ffmpeg_seconds.map_or(String::new(), rounded);
                let number = ratio.map_or(String::new(), |ratio| format!("{ratio:.2}"));
                // The promise applies to the command's default settings.
                let is_promised = backend == DEFAULT_BACKEND;
                let kept = ratio.filter(|_| is_promised).map_or("", |ratio| yes_or_no(ratio <= MAX_FFMPEG_RATIO));
                let (megabytes, small) = (format!("{:.1}", *peak_bytes as f64 / 1e6), yes_or_no(*peak_bytes <= MAX_PEAK_BYTES));
                let most_ratio = if is_promised { MAX_FFMPEG_RATIO.to_string() } else { String::new() };
                let most = [most_ratio, (MAX_PEAK_BYTES / 1_000_000).to_string()];
                line(
                    &mut text,
                    &[format, backend, &rounded(*seconds), &ffmpeg, &number, &most[0], kept, &megabytes, &most[1], small],
                );
            }
        }
        for format in &self.missing {
            let _ = writeln!(text, "\nNot measured: {format}, which needs an ffmpeg that writes it.");
        }
        text
    }
}

fn line(text: &mut String, cells: &[&str]) {
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::bench) fn results(milliseconds: f64, ratio: f64) -> Results {
        let peer = PeerResult { name: "a < b".into(), milliseconds: milliseconds * ratio, ratio, target: Some(15.0) };
        let case = Measured {
            name: "ltc".into(),
            title: "LTC".into(),
            milliseconds,
            enough_milliseconds: Some(0.25),
            at_most_milliseconds: None,
            peers: vec![peer],
        };
        let scaling =
            Scaling { title: "epoch".into(), one_milliseconds: 3.0, two_milliseconds: 2.0, ratio: 1.5, independent_ratio: 1.75 };
        let machine = Machine::of_tests();
        let runs = [("native", 1.5), ("onnxruntime", 0.5)].map(|(backend, ratio)| Run {
            backend: backend.into(),
            seconds: 3.0,
            ratio: Some(ratio),
        });
        let hour = Hour { format: "WAV".into(), peak_bytes: 200_000_000, ffmpeg_seconds: Some(2.0), runs: runs.into() };
        let hours = Hours { ffmpeg: Some("5.1".into()), hours: vec![hour], missing: vec!["MP3".into()] };
        let (cases, scaling) = (vec![case], vec![scaling]);
        Results { machine, versions: BTreeMap::new(), rounds: 3, cases, scaling, hours, plugin: None, inner_loop: None }
    }

    #[test]
    fn a_promise_is_kept_by_either_bound() {
        let kept = |milliseconds, ratio| {
            let results = results(milliseconds, ratio);
            results.cases[0].kept(&results.cases[0].peers[0])
        };
        assert_eq!(kept(1.0, 14.9), Some(false));
        assert_eq!(kept(1.0, 15.0), Some(true));
        assert_eq!(kept(0.25, 2.0), Some(true));
    }

    #[test]
    fn the_report_shows_a_broken_promise() {
        let text = markdown(&results(1.0, 14.0));
        assert!(text.contains("| a < b | 14.0 | 14.0 | 15 | **no** |"), "{text}");
        assert!(text.contains("| epoch | 3.00 | 2.00 | 1.50 | 1.8 | **no** | 1.75 |"), "{text}");
        assert!(text.contains("| WAV | native | 3.00 | 2.00 | 1.50 | 1.3 | **no** | 200.0 | 60 | **no** |"), "{text}");
        assert!(text.contains("| WAV | onnxruntime | 3.00 | 2.00 | 0.50 |  |  | 200.0 | 60 | **no** |"), "{text}");
        assert!(text.contains("Not measured: MP3,"), "{text}");
        let mut slow = results(3.5, 14.0);
        slow.cases[0].at_most_milliseconds = Some(3.0);
        assert!(markdown(&slow).contains("Moodline | 3.50 |  | at most 3 ms | **no** |"), "{}", markdown(&slow));
    }

    #[test]
    fn what_was_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let results = results(1.0 / 3.0, 14.0);
        results.write(folder.path()).unwrap();
        let again = Results::read(folder.path()).unwrap();
        assert_eq!(markdown(&again), markdown(&results));
        assert_eq!(serde_json::to_string(&again).unwrap(), serde_json::to_string(&results).unwrap());
        assert!(Results::read(&folder.path().join("absent")).is_err());
    }

    #[test]
    fn the_figures_of_the_plugin_outlive_other_changes_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let write = |text: &str| fs::write(folder.path().join("results.json"), text).unwrap();
        assert!(Results::kept(folder.path()).unwrap().plugin.is_none());
        let machine = serde_json::to_string(&results(1.0, 14.0).machine).unwrap();
        write(&format!(r#"{{"another": 1, "plugin": {{"machine": {machine}, "figures": {{"frame_ms": 2.0}}}}}}"#));
        assert!(Results::kept(folder.path()).unwrap().plugin.unwrap().markdown().contains("2.00 ms"));
        write("{}");
        assert!(Results::kept(folder.path()).unwrap().plugin.is_none());
        write(r#"{"plugin": {"figures": 1}}"#);
        assert!(Results::kept(folder.path()).is_err());
    }

    #[test]
    fn the_committed_report_is_the_one_of_the_committed_results() {
        let bench = crate::workspace::root().join("bench");
        assert_eq!(fs::read_to_string(bench.join("RESULTS.md")).unwrap(), markdown(&Results::read(&bench).unwrap()));
    }
}
