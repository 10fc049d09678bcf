//! `trainer sweep`: many training runs, and the choice between them; `trainer sweep-trial`: one of them, on a node of a cluster.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::{Cache, INTERRUPTED, Pool};
use crate::base::console;
use crate::base::progress::{Interrupt, Progress};
use crate::study::sweep::results::{SweepResults, TrialStatus};
use crate::study::sweep::slurm::{SlurmOptions, run_task};
use crate::study::sweep::{ExecutorOptions, SweepError, SweepOptions, sweep};

/// Trains many configurations and chooses the best of them on dev
#[derive(Args)]
#[command(after_help = "\
The file of a sweep:
  [sweep]
  base = \"paper.toml\"                      # what every configuration starts from; relative to this file
  strategy = { kind = \"grid\" }             # or { kind = \"random\", trials = 20, seed = 0 },
                                           # or { kind = \"successive_halving\", trials = 27, min_epochs = 5, factor = 3 }
  seeds = [0, 1, 2]                        # every configuration is trained with each seed
  metric = \"dev_uar\"                       # or dev_accuracy, dev_macro_f1, dev_loss: the best mean over the seeds is chosen
  set = [\"training.epochs=30\"]             # overrides of all configurations
  [sweep.axes]                             # any section.key; paths are quoted
  \"network.units\" = [12, 16, 24]
  \"training.l2\" = { min = 1e-5, max = 1e-2, scale = \"log\" }   # not in a grid; integer limits give integers
  [[sweep.group]]                          # configurations that are not a product of axes; each is combined with all axes
  name = \"no L2\"
  set = [\"training.l2=0\"]

Everything is checked before anything runs. Every trial is a run folder under FOLDER/trials, for `trainer export` and other commands. If the sweep is killed at any moment, the same
command continues. The test split is measured once, for the chosen configuration, after the choice. It writes results.csv (a line per trial), summary.csv
and summary.md (a line per configuration), sweep.json and sweep.svg to FOLDER.

With --executor slurm, all trials are one array job. FOLDER, the program, the manifests with their audio and the feature cache must be at the same paths on
the nodes; trials that fail are tried again. The tasks run `trainer sweep-trial --plan FILE --index N`.

Examples:
  trainer sweep --config trainer/configs/table-1.toml --manifest corpora/crema-d.csv --out sweeps/table-1
  trainer sweep --config my.toml --manifest a.csv b.csv --out sweeps/mine --threads 2 --set training.epochs=20
  trainer sweep --config my.toml --manifest a.csv --out sweeps/mine --executor slurm --sbatch-args '--partition=cpu --time=60' --max-parallel 50

Exit codes: 0 success, 1 some clips could not be used or the sweep could not finish, 2 wrong usage, 130 interrupted.")]
pub(super) struct SweepArgs {
    /// The configuration file of the sweep
    #[arg(long, value_name = "TOML")]
    config: PathBuf,
    /// Manifest of labelled clips; several are merged
    #[arg(long, value_name = "CSV", required = true, num_args = 1..)]
    manifest: Vec<PathBuf>,
    /// Folder of the sweep; new, empty, or that of the same sweep, which then continues
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Overrides a value of all configurations; an empty value removes an optional one
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    overrides: Vec<String>,
    /// Where the trials are trained: on the cores of this machine, one trial each, or on a cluster
    #[arg(long, value_enum, default_value_t = ExecutorArg::Local)]
    executor: ExecutorArg,
    #[command(flatten)]
    slurm: SlurmArgs,
    #[command(flatten)]
    pool: Pool,
    #[command(flatten)]
    cache: Cache,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum ExecutorArg {
    Local,
    Slurm,
}

#[derive(Args)]
#[command(next_help_heading = "With --executor slurm")]
struct SlurmArgs {
    /// Additional arguments of sbatch, separated by spaces
    #[arg(long, value_name = "ARGS", default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    sbatch_args: String,
    /// Maximum number of tasks at the same time [default: as many as the cluster allows]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_parallel: Option<u32>,
    /// Number of retries of a failed trial
    #[arg(long, value_name = "N", default_value_t = 2)]
    retries: u32,
    /// Path of the trainer on the nodes [default: this program]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// Trains one trial of a sweep; the tasks of --executor slurm run this
#[derive(Args)]
#[command(hide = true)]
pub(super) struct SweepTrialArgs {
    /// The array's file in the folder of the sweep
    #[arg(long, value_name = "JSON")]
    plan: PathBuf,
    /// Index of the task, counted from 0
    #[arg(long, value_name = "N")]
    index: usize,
    #[command(flatten)]
    pool: Pool,
}

pub(super) fn run(arguments: &SweepArgs, progress: Progress, interrupt: &Interrupt) -> anyhow::Result<ExitCode> {
    let executor = match arguments.executor {
        ExecutorArg::Local => ExecutorOptions::Local,
        ExecutorArg::Slurm => ExecutorOptions::Slurm(arguments.slurm.options()?),
    };
    let options = SweepOptions {
        config: arguments.config.clone(),
        overrides: arguments.overrides.clone(),
        manifests: arguments.manifest.clone(),
        out: arguments.out.clone(),
        cache: arguments.cache.folder(),
        executor,
    };
    match arguments.pool.install(|| sweep(&options, progress, interrupt))? {
        Ok(results) => {
            console::print(results.to_markdown())?;
            console::print_line(format_args!("results in {}", options.out.display()))?;
            Ok(ExitCode::from(u8::from(left_out(&results))))
        }
        Err(error) if interrupt.requested() => {
            console::note(&error);
            Ok(ExitCode::from(INTERRUPTED))
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) fn run_trial(arguments: &SweepTrialArgs, progress: Progress, interrupt: &Interrupt) -> anyhow::Result<ExitCode> {
    let outcome = arguments.pool.install(|| run_task(&arguments.plan, arguments.index, progress, interrupt))?;
    let record = match outcome {
        Err(SweepError::Interrupted) => return Ok(ExitCode::from(INTERRUPTED)),
        outcome => outcome?,
    };
    match (record.status, record.reason) {
        (TrialStatus::Diverged, Some(reason)) => console::print_line(format_args!("{} diverged: {reason}", record.id))?,
        _ => console::print_line(format_args!("{} is trained for {} epochs", record.id, record.epochs))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether any clips could not be used.
fn left_out(results: &SweepResults) -> bool {
    let in_trials = results.configurations.iter().flat_map(|of| &of.trials).any(|trial| trial.n_left_out > 0);
    let test = results.chosen.as_ref().and_then(|chosen| chosen.test.as_ref());
    in_trials || test.is_some_and(|test| test.n_left_out > 0)
}

impl SlurmArgs {
    fn options(&self) -> anyhow::Result<SlurmOptions> {
        let this = || {
            std::env::current_exe()
                .map_err(|error| anyhow::anyhow!("--program is needed, because this program cannot be found: {error}"))
        };
        Ok(SlurmOptions {
            sbatch_args: self.sbatch_args.split_whitespace().map(str::to_owned).collect(),
            max_parallel: self.max_parallel.map(|n| n as usize),
            retries: self.retries as usize,
            program: self.program.clone().map_or_else(this, |path| Ok(std::path::absolute(path)?))?,
        })
    }
}
