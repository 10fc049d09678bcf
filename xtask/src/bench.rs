//! Measures speed: criterion's benches alone, or the project and its peers alternately.

mod cases;
mod cells;
mod chart;
mod inner_loop;
mod machine;
mod plugin;
mod report;
mod worker;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Deserialize;
use xshell::{Shell, cmd};

use crate::python::{self, Python};
use crate::workspace;
use cases::{CASES, Case, PEERS, Peer};
use inner_loop::LoopResults;
use machine::Machine;
use plugin::PluginResults;
use report::{Hours, Kept, Measured, PeerResult, Results, Scaling};
use worker::Worker;

/// Factor by which turns are longer when comparing threads: an epoch may take most of a turn, and the median of two calls is hardly better than one.
const SCALING_TURN: f64 = 4.0;

/// How often an hour of each format is analysed, alternating with ffmpeg.
const HOUR_ROUNDS: &str = "3";

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Run the project and its peers (librosa, torchaudio, Praat, openSMILE, ONNX Runtime, PyTorch, ncps, Keras, ffmpeg) alternately, one thread each, and
    /// the project's training with two threads.
    ///
    /// Installs the peers from bench/requirements.txt into an environment of their own (several gigabytes, once), checks that they compute the same as the
    /// project, and writes bench/results.json, bench/RESULTS.md and bench/ratios.svg. Takes about fifteen minutes; leave the machine alone meanwhile.
    #[arg(long)]
    peers: bool,
    /// Measure the plugin: its audio callback, 32 instances at once, its editor, its size.
    ///
    /// Builds the release bundle and writes its part of bench/results.json and bench/RESULTS.md. Takes a minute in addition to building; leave the machine
    /// alone meanwhile.
    #[arg(long, conflicts_with = "peers")]
    plugin: bool,
    /// Measure how long a contributor waits after moving one line of one file: for the adjacent unit tests, for `check` and for `test`.
    ///
    /// Runs everything once to warm up, and `test` once more; writes its part of bench/results.json and bench/RESULTS.md. Every file is restored afterwards,
    /// even after Ctrl-C. Leave the machine alone meanwhile.
    #[arg(long = "loop", conflicts_with_all = ["peers", "plugin"])]
    inner_loop: bool,
    /// Number of turns per side in each case.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..=1000), requires = "peers")]
    rounds: u32,
    /// Length of a turn, seconds; at least one call is made.
    #[arg(long, default_value_t = 0.3, requires = "peers")]
    seconds: f64,
}

/// Runs the benches.
///
/// # Errors
/// Something does not build or run, or a peer computes a different result.
pub(crate) fn run(root: &Path, options: &Options) -> Result<()> {
    let shell = workspace::shell(root)?;
    if options.peers {
        return peers(root, &shell, options);
    }
    if options.plugin {
        return beside_the_peers(root, || plugin::measure(root, &shell), |results| &mut results.plugin, PluginResults::markdown);
    }
    if options.inner_loop {
        return beside_the_peers(
            root,
            || inner_loop::measure(root, &shell),
            |results| &mut results.inner_loop,
            LoopResults::markdown,
        );
    }
    cmd!(shell, "cargo bench --workspace --locked --bench *").run()?;
    Ok(())
}

/// Measures something and writes it to its `place` beside the stored results of the peers.
fn beside_the_peers<T>(
    root: &Path,
    measure: impl FnOnce() -> Result<T>,
    place: fn(&mut Results) -> &mut Option<T>,
    markdown: fn(&T) -> String,
) -> Result<()> {
    let bench = root.join("bench");
    let mut results = Results::read(&bench).context("measure the peers first: cargo xtask bench --peers")?;
    let found = measure()?;
    println!("{}\nWritten: bench/results.json, bench/RESULTS.md", markdown(&found));
    *place(&mut results) = Some(found);
    results.write(&bench)
}

fn peers(root: &Path, shell: &Shell, options: &Options) -> Result<()> {
    let bench = root.join("bench");
    let kept = Results::kept(&bench)?;
    let python = python::environment(&workspace::cache()?, "peers", &bench.join("requirements.txt"))?;
    cmd!(shell, "cargo build --release --locked --package moodline-cli").run()?;
    cmd!(shell, "cargo build --release --locked --package moodline-bench --bin bench_project").run()?;
    let folder = workspace::target(root).join("bench");
    fs::create_dir_all(&folder)?;

    let script = |name: &str| {
        let mut command = alone(python.path());
        command.arg(bench.join("peers").join(name));
        command
    };
    let status = script("prepare.py").arg(root.join("tests/samples/unheard.flac")).arg(&folder).status()?;
    ensure!(status.success(), "the inputs of the benches could not be made");

    let program = workspace::program(root, "release", "bench_project")?;
    let mut project = Worker::start("moodline", alone(&program).arg(&folder))?;
    let mut others = vec![];
    for peer in PEERS {
        println!("Starting {} ...", peer.name);
        others.push((peer, Worker::start(peer.name, script(peer.script).arg(&folder))?));
    }
    let mut measured = vec![];
    for case in CASES {
        measured.push(measure(case, &mut project, &mut others, options)?);
    }
    let mut versions = project.versions.clone();
    versions.extend(others.iter().flat_map(|(_, worker)| worker.versions.clone()));
    drop(others);
    let scaling = scaling(&mut project, &program, &folder, options)?;
    drop(project);

    println!("Measuring an hour of each format ...");
    let moodline = workspace::program(root, "release", "moodline")?;
    let hours: Hours = answer(script("hour.py").arg(moodline).arg(&folder).arg(HOUR_ROUNDS))?;
    versions.extend(hours.ffmpeg.clone().map(|version| ("ffmpeg".to_owned(), version)));
    let machine = machine(root, shell)?;
    let Kept { plugin, inner_loop } = kept;
    let results = Results { machine, versions, rounds: options.rounds, cases: measured, scaling, hours, plugin, inner_loop };
    results.write(&bench)?;
    fs::write(bench.join("ratios.svg"), chart::svg(&results))?;
    println!("{}\nWritten: bench/results.json, bench/RESULTS.md, bench/ratios.svg", report::markdown(&results));
    Ok(())
}

/// The machine this runs on, and the date.
fn machine(root: &Path, shell: &Shell) -> Result<Machine> {
    let python = Python::find().context("python3 is not installed")?;
    let mut machine: Machine = answer(python.command().arg(root.join("bench/peers/machine.py")))?;
    machine.compiler = cmd!(shell, "rustc --version").quiet().read()?;
    Ok(machine)
}

/// Measures one case: all sides in turn, round after round.
fn measure(case: &Case, project: &mut Worker, others: &mut [(&Peer, Worker)], options: &Options) -> Result<Measured> {
    println!("Measuring {} ...", case.title);
    let expected = project.first(case.name)?;
    let mut sides: Vec<_> = others.iter_mut().filter(|(_, worker)| worker.has(case.name)).collect();
    for (peer, worker) in &mut sides {
        let found = worker.first(case.name)?;
        peer.check(case.name, &expected, &found)?;
    }
    let mut ours = vec![];
    let mut theirs = vec![vec![]; sides.len()];
    for _ in 0..options.rounds {
        ours.push(project.turn(case.name, options.seconds)?);
        for ((_, worker), times) in sides.iter_mut().zip(&mut theirs) {
            times.push(worker.turn(case.name, options.seconds)?);
        }
    }
    let peers = sides.iter().zip(&theirs).map(|((peer, _), times)| PeerResult {
        name: peer.label(case.name).to_owned(),
        milliseconds: median(times),
        ratio: median(&times.iter().zip(&ours).map(|(theirs, ours)| theirs / ours).collect::<Vec<_>>()),
        target: case.target(peer.name),
    });
    Ok(Measured {
        name: case.name.to_owned(),
        title: case.title.to_owned(),
        milliseconds: median(&ours),
        enough_milliseconds: case.enough_milliseconds,
        at_most_milliseconds: case.at_most_milliseconds,
        peers: peers.collect(),
    })
}

/// Training with one thread, with two, and with one thread in two processes at once, in turn; nothing on a single core.
fn scaling(one: &mut Worker, program: &Path, folder: &Path, options: &Options) -> Result<Vec<Scaling>> {
    if std::thread::available_parallelism()?.get() < 2 {
        println!("Skipped: training with two threads needs two cores.");
        return Ok(vec![]);
    }
    let on_any_core =
        |name, n_threads| Worker::start(name, Command::new(program).arg(folder).env("RAYON_NUM_THREADS", n_threads));
    let mut two = on_any_core("moodline with two threads", "2")?;
    let mut twin = on_any_core("moodline once more", "1")?;
    let mut measured = vec![];
    for case in CASES.iter().filter(|case| case.is_training()) {
        println!("Measuring {}, with two threads ...", case.title);
        two.first(case.name)?;
        twin.first(case.name)?;
        let seconds = SCALING_TURN * options.seconds;
        let (mut times, mut ratios, mut independent_ratios) = ([vec![], vec![]], vec![], vec![]);
        for _ in 0..options.rounds {
            let alone = one.turn(case.name, seconds)?;
            let together = two.turn(case.name, seconds)?;
            let [first, second] = Worker::turns([one, &mut twin], case.name, seconds)?;
            times[0].push(alone);
            times[1].push(together);
            ratios.push(alone / together);
            independent_ratios.push(alone / first + alone / second);
        }
        measured.push(Scaling {
            title: case.title.to_owned(),
            one_milliseconds: median(&times[0]),
            two_milliseconds: median(&times[1]),
            ratio: median(&ratios),
            independent_ratio: median(&independent_ratios),
        });
    }
    Ok(measured)
}

/// The median of at least one value.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) { (sorted[middle - 1] + sorted[middle]) / 2.0 } else { sorted[middle] }
}

/// A process limited to one thread and, if the system has `taskset`, to the last core available to this program.
fn alone(program: &Path) -> Command {
    let mut command = match last_core() {
        Some(core) => {
            let mut command = Command::new("taskset");
            command.args(["--cpu-list", &core]).arg(program);
            command
        }
        None => Command::new(program),
    };
    for variable in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS"] {
        command.env(variable, "1");
    }
    command.env("CUDA_VISIBLE_DEVICES", "");
    command
}

/// The last core in the list that Linux allows this process to use.
fn last_core() -> Option<String> {
    let has_taskset =
        Command::new("taskset").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success());
    let status = has_taskset.then(|| fs::read_to_string("/proc/self/status").ok())??;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    list.trim().rsplit([',', '-']).next().map(str::to_owned)
}

/// Runs a script that prints one line of JSON.
fn answer<T: for<'a> Deserialize<'a>>(command: &mut Command) -> Result<T> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{command:?} failed");
    serde_json::from_slice(&output.stdout).with_context(|| format!("{command:?} gave an unexpected answer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_middles() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
