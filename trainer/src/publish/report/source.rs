//! The content of the folders for a report.
//!
//! In: folders of runs, models, evaluations, cross-validations and sweeps; a folder may be several of these at once. Out: [`Material`].

use std::path::{Path, PathBuf};

use moodline_engine::{BackendChoice, Classifier, Model};
use serde::de::DeserializeOwned;

use crate::base::files::{self, FileError};
use crate::measure::evaluate::{Answer, Evaluation, read_answers};
use crate::measure::latency;
use crate::measure::robustness::Robustness;
use crate::study::protocol::results::CrossvalResults;
use crate::study::sweep::results::SweepResults;
use crate::train::checkpoint::{Checkpoint, EpochRecord};
use crate::train::run::folder::RunFolder;
use crate::train::run::list::{RunState, RunSummary, summarise};

/// Number of timed runs for the median, after [`WARM_UP`] untimed ones.
pub(super) const LATENCY_RUNS: usize = 201;
const WARM_UP: usize = 20;

/// Everything that was found.
#[derive(Default)]
pub(super) struct Material {
    /// Name and kinds of each folder.
    pub(super) folders: Vec<(String, Vec<&'static str>)>,
    pub(super) runs: Vec<RunPart>,
    pub(super) models: Vec<ModelPart>,
    pub(super) evaluations: Vec<EvaluationPart>,
    pub(super) crossvals: Vec<(String, CrossvalResults)>,
    pub(super) sweeps: Vec<(String, SweepResults)>,
    pub(super) robustness: Vec<(String, Robustness)>,
    /// What is missing and therefore not shown.
    pub(super) gaps: Vec<String>,
    /// What exists but cannot be read.
    pub(super) problems: Vec<String>,
}

pub(super) struct RunPart {
    pub(super) name: String,
    pub(super) summary: RunSummary,
    pub(super) history: Vec<EpochRecord>,
}

pub(super) struct ModelPart {
    pub(super) fingerprint: String,
    pub(super) n_parameters: usize,
    pub(super) n_bytes: usize,
    /// Inference time of the network for one block, ms.
    pub(super) latency_ms: Option<f64>,
}

pub(super) struct EvaluationPart {
    pub(super) name: String,
    pub(super) evaluation: Evaluation,
    pub(super) answers: Option<Vec<Answer>>,
}

impl Material {
    /// Reads all folders. Unreadable content is listed in the material; only a folder without anything reportable is an error.
    ///
    /// # Errors
    /// A sentence about the first folder that contains nothing for a report.
    pub(super) fn read(folders: &[PathBuf], measure_latency: bool) -> Result<Self, FileError> {
        let mut material = Self::default();
        for (path, name) in folders.iter().zip(short_names(folders)) {
            let kinds = material.add(path, &name, measure_latency)?;
            if kinds.is_empty() {
                material.problems.push(format!(
                    "{name}: nothing to report on: expected a run (config.toml and run.json), model.onnx, metrics*.json, results.json, \
                     sweep.json or robustness.json"
                ));
            }
            material.folders.push((name, kinds));
        }
        Ok(material)
    }

    fn add(&mut self, path: &Path, name: &str, measure_latency: bool) -> Result<Vec<&'static str>, FileError> {
        let mut kinds = Vec::new();
        let mut names = file_names(path)?;
        names.retain(|file| path.join(file).is_file());
        if RunFolder::is_run(path) {
            kinds.push("run");
            self.add_run(path, name)?;
        }
        if names.iter().any(|file| file == "model.onnx") {
            kinds.push("model");
            self.add_model(&path.join("model.onnx"), name, measure_latency);
        }
        if self.add_evaluations(path, name, &names) {
            kinds.push("evaluation");
        } else if kinds == ["model"] {
            self.gaps.push(format!(
                "{name}: no metrics*.json, so nothing measured on a test split: run `trainer evaluate --report {name}`"
            ));
        }
        if let Some(results) = self.json(path, name, "results.json", &names) {
            kinds.push("cross-validation");
            self.add_crossval(name, results);
        }
        if let Some(results) = self.json(path, name, "sweep.json", &names) {
            kinds.push("sweep");
            self.sweeps.push((name.to_owned(), results));
        }
        if self.add_robustness(path, name, &names) {
            kinds.push("robustness");
        }
        Ok(kinds)
    }

    /// The run, and the evaluations in its folder.
    fn add_run(&mut self, path: &Path, name: &str) -> Result<(), FileError> {
        let summary = summarise(path, name.to_owned());
        if summary.state == RunState::Damaged {
            self.problems.push(format!("{name}: {}", summary.problem.as_deref().unwrap_or_default()));
            return Ok(());
        }
        let last = RunFolder::open(path).ok().and_then(|folder| Checkpoint::read(&folder.last_checkpoint()).ok());
        let history = last.map(|checkpoint| checkpoint.state.history).unwrap_or_default();
        if history.is_empty() {
            self.gaps.push(format!("{name}: no finished epoch, so no learning curves"));
        }
        self.runs.push(RunPart { name: name.to_owned(), summary, history });
        let mut evaluated = false;
        for file in file_names(path)? {
            let below = path.join(&file);
            if below.is_dir() {
                let (name, names) = (format!("{name}/{file}"), file_names(&below)?);
                evaluated |= self.add_evaluations(&below, &name, &names);
                self.add_robustness(&below, &name, &names);
            }
        }
        if !evaluated {
            self.gaps.push(format!(
                "{name}: a run without an evaluation in a folder of it, so its figures are those of the dev split"
            ));
        }
        Ok(())
    }

    fn add_crossval(&mut self, name: &str, results: CrossvalResults) {
        let groups = || results.models.first().into_iter().flat_map(|network| &network.groups);
        if groups().any(|group| group.calibration.is_none()) {
            self.gaps.push(format!(
                "{name}: results of a version that did not measure calibration, so no reliability diagram: `trainer crossval --resume` adds it"
            ));
        }
        self.crossvals.push((name.to_owned(), results));
    }

    fn add_model(&mut self, path: &Path, name: &str, measure_latency: bool) {
        let model = match Model::open(path) {
            Ok(model) => model,
            Err(error) => return self.problems.push(error.to_string()),
        };
        let latency_ms = if measure_latency {
            latency_ms(&model).inspect_err(|error| self.problems.push(format!("{name}: {error}"))).ok()
        } else {
            None
        };
        self.models.push(ModelPart {
            fingerprint: model.fingerprint().to_owned(),
            n_parameters: model.contract().networks.n_parameters(model.contract().front_end.n_features()),
            n_bytes: model.bytes().len(),
            latency_ms,
        });
    }

    /// Every `metrics*.json` with the predictions beside it. Returns whether there is one.
    fn add_evaluations(&mut self, path: &Path, name: &str, names: &[String]) -> bool {
        let metrics = names.iter().filter_map(|file| Some((file, file.strip_prefix("metrics")?.strip_suffix(".json")?)));
        let mut found = false;
        for (file, suffix) in metrics {
            let Some(evaluation) = self.json::<Evaluation>(path, name, file, names) else { continue };
            found = true;
            let name = format!("{name}{suffix}");
            let predictions = format!("predictions{suffix}.csv");
            let answers = if names.contains(&predictions) {
                read_answers(&path.join(&predictions)).inspect_err(|error| self.problems.push(error.to_string())).ok()
            } else {
                None
            };
            // Otherwise the predictions of another model would be shown as this one's.
            let answers = answers.filter(|answers| {
                let fits = answers.len() as u64 == evaluation.report.n;
                if !fits {
                    let (expected, found) = (evaluation.report.n, answers.len());
                    self.problems.push(format!("{name}: {predictions}: expected the {expected} clips of {file}, found {found}"));
                }
                fits
            });
            if answers.is_none() {
                let lacks_calibration =
                    if evaluation.calibration.is_none() { "no reliability diagram, no figures by corpus and " } else { "" };
                self.gaps.push(format!("{name}: no {predictions}, so {lacks_calibration}no interval of the accuracy"));
            }
            self.evaluations.push(EvaluationPart { name, evaluation, answers });
        }
        found
    }

    /// `robustness.json`. Returns whether it exists.
    fn add_robustness(&mut self, path: &Path, name: &str, names: &[String]) -> bool {
        let robustness = self.json(path, name, "robustness.json", names);
        let found = robustness.is_some();
        self.robustness.extend(robustness.map(|robustness| (name.to_owned(), robustness)));
        found
    }

    /// The content of a JSON file, if it exists and is valid.
    fn json<T: DeserializeOwned>(&mut self, path: &Path, name: &str, file: &str, names: &[String]) -> Option<T> {
        if !names.iter().any(|found| found == file) {
            return None;
        }
        let read = files::read_text(&path.join(file)).map_err(|error| error.to_string());
        let parsed = read.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()));
        parsed.inspect_err(|error| self.problems.push(format!("{name}/{file}: {error}"))).ok()
    }
}

/// The files in a folder and its direct subfolders that may be used for a report, and all those of a run.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let folders = entries.filter(|path| path.is_dir()).chain([folder.to_owned()]);
    let run = if RunFolder::is_run(folder) { RunFolder::files(folder) } else { Vec::new() };
    folders.flat_map(|folder| files::files_in(&folder)).filter(|path| is_material(path)).chain(run).collect()
}

fn is_material(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let single = ["model.onnx", "results.json", "sweep.json", "robustness.json"];
    let is_like = |start, end| name.starts_with(start) && name.ends_with(end);
    single.contains(&&*name) || is_like("metrics", ".json") || is_like("predictions", ".csv")
}

/// Sorted names of the entries of a folder; those that are not valid text are left out.
fn file_names(path: &Path) -> Result<Vec<String>, FileError> {
    let entries = std::fs::read_dir(path).map_err(FileError::at("read folder", path))?;
    let mut names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort_by_key(|name| (name.len(), name.clone()));
    Ok(names)
}

/// The shortest distinctive end of each path: a report must not reveal the folders of a machine.
fn short_names(folders: &[PathBuf]) -> Vec<String> {
    let parts: Vec<Vec<String>> = folders
        .iter()
        .map(|path| path.canonicalize().unwrap_or_else(|_| path.clone()))
        .map(|path| path.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect())
        .collect();
    let end = |index: usize, n: usize| parts[index][parts[index].len().saturating_sub(n)..].join("/");
    (0..folders.len())
        .map(|index| {
            let unique = |n: &usize| (0..folders.len()).all(|other| other == index || end(other, *n) != end(index, *n));
            end(index, (1..parts[index].len()).find(unique).unwrap_or(1))
        })
        .collect()
}

/// Median inference time of Moodline's own kernel for one block of the model, ms, without the front end.
fn latency_ms(model: &Model) -> Result<f64, moodline_engine::ClassifierError> {
    let contract = model.contract();
    let n_steps = (contract.block_seconds / contract.front_end.step_seconds()).round().max(1.0) as usize;
    let features = vec![0.0; n_steps * contract.front_end.n_features()];
    let mut classifier = Classifier::new(model, BackendChoice::Native)?;
    latency::median_ms(LATENCY_RUNS, WARM_UP, || classifier.classify(&features, n_steps).map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_named_by_what_tells_them_apart() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a/x", "b/x", "c/y"].map(|path| folder.path().join(path));
        for path in &paths {
            std::fs::create_dir_all(path).unwrap();
        }
        assert_eq!(short_names(&paths), ["a/x", "b/x", "y"]);
        assert_eq!(short_names(&paths[..1]), ["x"]);
    }
}
