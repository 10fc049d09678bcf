//! The cost of the plugin: its audio callback, many instances, its editor, its size.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use xshell::{Shell, cmd};

use super::cells::{rounded, yes_or_no};
use super::machine::Machine;
use crate::bundle::{self, Build, layout};
use crate::platform::Platform;
use crate::workspace;

/// A measured figure, and the project's promise about it.
struct Figure {
    name: &'static str,
    /// Its title in the report.
    title: &'static str,
    unit: &'static str,
    at_most: Option<f64>,
}

/// In the order of the report.
const FIGURES: &[Figure] = &[
    figure("copy_512_ns", "memcpy of 512 stereo frames", "ns", None),
    figure("push_512_ns", "`AudioTap::push`, 512 stereo frames", "ns", None),
    figure("push_512_ratio", "the same, in copies", "x", Some(3.0)),
    figure("push_64_ns", "`AudioTap::push`, 64 stereo frames", "ns", Some(150.0)),
    figure("process_copy_512_ns", "memcpy of 512 stereo frames, in turn with `process`", "ns", None),
    figure("process_512_ns", "`process`, 512 stereo frames", "ns", Some(400.0)),
    figure("process_512_ratio", "the same, in copies", "x", Some(5.0)),
    figure("process_512_two_cores_ns", "`process` while another core analyses what it leaves", "ns", Some(400.0)),
    figure("instances_cpu_percent", "32 instances that hear speech, 48 kHz stereo, hop 0.5 s, native", "% of a core", Some(5.0)),
    figure("instance_megabytes", "memory of an instance at 48 kHz", "MB", Some(16.0)),
    figure("editor_at_rest_cpu_percent", "open editor with 4 hours of timeline that stand still", "% of a core", Some(1.0)),
    figure(
        "frame_ms",
        "frame of the editor with 4 hours, all of it new, without the graphics card's part",
        "ms",
        Some(1000.0 / 60.0),
    ),
    figure("hover_ms", "the same while only the pointer moves", "ms", Some(1000.0 / 60.0)),
    figure("clap_megabytes", "the .clap", "MB", Some(15.0)),
    figure("vst3_megabytes", "the VST3's library", "MB", None),
    figure("standalone_megabytes", "the standalone", "MB", None),
];

const fn figure(name: &'static str, title: &'static str, unit: &'static str, at_most: Option<f64>) -> Figure {
    Figure { name, title, unit, at_most }
}

/// Criterion's benches: name of the figure, folder of the bench, and the divisor of its nanoseconds, because a run processes many buffers, or the figure has
/// another unit.
const BENCHES: &[(&str, &str, f64)] = &[
    ("copy_512_ns", "1000 buffers of 512 stereo frames/memcpy", 1000.0),
    ("push_512_ns", "1000 buffers of 512 stereo frames/AudioTap__push", 1000.0),
    ("push_64_ns", "1000 buffers of 64 stereo frames/AudioTap__push", 1000.0),
    ("process_copy_512_ns", "512 stereo frames/memcpy", 1.0),
    ("process_512_ns", "512 stereo frames/process", 1.0),
    ("frame_ms", "editor_four_hours/timeline_changes", 1e6),
    ("hover_ms", "editor_four_hours/pointer_moves", 1e6),
];

/// The packages built for all measurements: the plugin without its test features, and one set of features, so that nothing is compiled twice.
const MEASURED: [&str; 3] = ["--package=moodline", "--package=moodline-engine", "--package=moodline-bench"];

/// The worker analyses on another core, if there is one.
const PROCESS_TWO_CORES: &str = "512 stereo frames/process beside the analysis";

/// The results of one run.
#[derive(Serialize, Deserialize)]
pub(super) struct PluginResults {
    machine: Machine,
    figures: BTreeMap<String, f64>,
}

/// Measures everything.
///
/// # Errors
/// Something does not build or run.
pub(super) fn measure(root: &Path, shell: &Shell) -> Result<PluginResults> {
    let mut figures = BTreeMap::new();
    let folder = bundle::build_and_bundle(root, Build::RELEASE).map(|_| bundle::folder(root))?;
    sizes(&folder, &mut figures)?;

    let criterion = workspace::target(root).join("criterion");
    cmd!(shell, "cargo bench --locked {MEASURED...} --bench tap --bench process --bench editor --no-run").run()?;
    cmd!(shell, "cargo bench --locked {MEASURED...} --bench process").run()?;
    figures.insert("process_512_two_cores_ns".to_owned(), median_ns(&criterion.join(PROCESS_TWO_CORES))?);
    let mut benches = super::alone(Path::new("cargo"));
    benches
        .args(["bench", "--locked"])
        .args(MEASURED)
        .args(["--bench", "tap", "--bench", "process", "--bench", "editor"])
        .current_dir(root);
    ensure!(benches.status().context("cargo could not be started")?.success(), "a bench failed");
    for (name, bench, divisor) in BENCHES {
        figures.insert((*name).to_owned(), median_ns(&criterion.join(bench))? / divisor);
    }
    for (ratio, ns, copy_ns) in
        [("push_512_ratio", "push_512_ns", "copy_512_ns"), ("process_512_ratio", "process_512_ns", "process_copy_512_ns")]
    {
        figures.insert(ratio.to_owned(), figures[ns] / figures[copy_ns]);
    }

    cmd!(shell, "cargo build --release --locked {MEASURED...} --bin bench_plugin").run()?;
    let program = workspace::program(root, "release", "bench_plugin")?;
    let clap = folder.join(layout::names(Platform::this()).clap);
    for task in ["instances", "static"] {
        println!("Measuring {task} ...");
        let answer = cmd!(shell, "{program} {task}").env("MOODLINE_CLAP", &clap).read()?;
        let found: BTreeMap<String, f64> = serde_json::from_str(&answer).context("bench_plugin gave an unexpected answer")?;
        figures.extend(found);
    }
    Ok(PluginResults { machine: super::machine(root, shell)?, figures })
}

/// Sizes of the libraries and of the standalone, excluding ONNX Runtime.
fn sizes(folder: &Path, figures: &mut BTreeMap<String, f64>) -> Result<()> {
    let platform = Platform::this();
    for (name, path) in ["clap_megabytes", "vst3_megabytes", "standalone_megabytes"].into_iter().zip(layout::binaries(platform)) {
        let path = folder.join(path);
        let size = fs::metadata(&path).with_context(|| format!("cannot read {}", path.display()))?.len();
        figures.insert(name.to_owned(), size as f64 / 1e6);
    }
    Ok(())
}

/// The result of the latest criterion run of a bench.
fn median_ns(bench: &Path) -> Result<f64> {
    let path = bench.join("new/estimates.json");
    let text = fs::read(&path).with_context(|| format!("criterion left no {}", path.display()))?;
    let estimates: Value = serde_json::from_slice(&text)?;
    estimates["median"]["point_estimate"].as_f64().with_context(|| format!("{} has no median", path.display()))
}

impl PluginResults {
    /// The plugin's part of `bench/RESULTS.md`.
    pub(super) fn markdown(&self) -> String {
        let mut text = String::from(
            "\n# The plugin\n\nWritten by `cargo xtask bench --plugin`; do not edit. Times are medians on one core. The instances play for 35 s in real time, \
             so that\ntheir rings are full; their figure is that of their worker threads, beside what `process` takes of the host's.\n\n| measured | | at most | kept |\n|---|---:|---:|---|\n",
        );
        for Figure { name, title, unit, at_most } in FIGURES {
            let Some(&value) = self.figures.get(*name) else { continue };
            let limit = at_most.map(|limit| format!("{} {unit}", rounded(limit))).unwrap_or_default();
            let kept = at_most.map_or("", |limit| yes_or_no(value <= limit));
            let _ = writeln!(text, "| {title} | {} {unit} | {limit} | {kept} |", rounded(value));
        }
        text + "\n" + &self.machine.markdown()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(figures: &[(&str, f64)]) -> PluginResults {
        let machine = Machine::of_tests();
        PluginResults { machine, figures: figures.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect() }
    }

    #[test]
    fn the_report_shows_kept_and_broken_promises() {
        let text = results(&[("push_64_ns", 150.0), ("clap_megabytes", 15.1), ("vst3_megabytes", 15.1)]).markdown();
        assert!(text.contains("64 stereo frames | 150 ns | 150 ns | yes |"), "{text}");
        assert!(text.contains("| the .clap | 15.1 MB | 15.0 MB | **no** |"), "{text}");
        assert!(text.contains("| the VST3's library | 15.1 MB |  |  |"), "{text}");
        assert!(!text.contains("instances that hear"), "{text}");
    }

    #[test]
    fn every_bench_has_its_figure() {
        for (name, ..) in BENCHES {
            assert!(FIGURES.iter().any(|figure| figure.name == *name), "{name}");
        }
    }

    #[test]
    fn criterions_median_is_read() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("new")).unwrap();
        fs::write(folder.path().join("new/estimates.json"), r#"{"mean":{"point_estimate":1.0},"median":{"point_estimate":2.5}}"#)
            .unwrap();
        assert_eq!(median_ns(folder.path()).unwrap(), 2.5);
        assert!(median_ns(&folder.path().join("absent")).is_err());
    }
}
