//! No output of `moodline` destroys the run's inputs, or a recording, a manifest or a model, however the paths are spelt.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use moodline_engine::export::Format;
use tempfile::TempDir;
use test_support::folder::contents;
use test_support::{repository, sample};
use tests_command::moodline;

const LABELS: &str = "start_s,end_s,emotion\n0,1,neutral\n";
const MANIFEST: &str = "path,speaker,emotion\ntalk.wav,anna,sad\n";

/// A folder with a recording under several names, labels, a model and a manifest.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(place.at("sub")).unwrap();
        for name in ["talk.wav", "talk.png", "talk.svg", "recordings/talk.flac"] {
            place.copy(&sample("03a02Nc.flac"), name);
        }
        place.copy(&repository().join("models/paper-ltc-16/model.onnx"), "model.bin");
        fs::write(place.at("labels.csv"), LABELS).unwrap();
        fs::write(place.at("manifest.csv"), MANIFEST).unwrap();
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn copy(&self, from: &Path, name: &str) {
        fs::create_dir_all(self.at(name).parent().unwrap()).unwrap();
        fs::copy(from, self.at(name)).unwrap();
    }

    /// Other spellings of the path of `name`; links are created for some.
    fn spellings(&self, name: &str) -> Vec<PathBuf> {
        let ending = Path::new(name).extension().unwrap().to_str().unwrap();
        let made = |kind: &str| self.at(&format!("{kind}.{ending}"));
        let _ = fs::remove_file(made("link"));
        let _ = fs::remove_file(made("hard"));
        let _ = fs::remove_file(self.at("folder"));
        symlink(name, made("link")).unwrap();
        fs::hard_link(self.at(name), made("hard")).unwrap();
        symlink(".", self.at("folder")).unwrap();
        let up: PathBuf = std::env::current_dir().unwrap().components().skip(1).map(|_| "..").collect();
        let relative = up.join(self.at(name).strip_prefix("/").unwrap());
        let named = ["./", "sub/../", "folder/", "absent/../"].map(|before| self.at(&format!("{before}{name}")));
        [&named[..], &[self.at(name), relative, made("link"), made("hard")]].concat()
    }

    /// Runs the command, which must refuse with a sentence about these files and leave everything unchanged.
    fn refused(&self, arguments: &[&str], words: &[&str]) {
        let before = contents(self.0.path());
        let outcome = moodline(["analyze"].iter().chain(arguments).copied());
        assert_eq!(outcome.code, 2, "{arguments:?}: {}", outcome.stderr);
        assert!(words.iter().all(|word| outcome.sentence().contains(word)), "{words:?}: {}", outcome.stderr);
        assert!(contents(self.0.path()) == before, "{arguments:?} changed a file");
    }
}

/// Every way to specify an output at `path`.
fn outputs(path: &str) -> Vec<Vec<String>> {
    let save = |format: &str| vec!["--save".to_owned(), format!("{format}={path}")];
    let output = ["csv", "table", "srt"].map(|format| ["--format", format, "--output", path].map(str::to_owned).to_vec());
    let mut outputs = [&output[..], &Format::ALL.map(|format| save(format.name()))].concat();
    if path.ends_with(".png") || path.ends_with(".svg") {
        outputs.push(vec!["--plot".to_owned(), path.to_owned()]);
    }
    outputs
}

#[test]
fn an_input_is_never_an_output() {
    let place = Place::new();
    let talk = place.at("talk.wav").display().to_string();
    let [labels, model] = ["labels.csv", "model.bin"].map(|name| place.at(name).display().to_string());
    for (victim, read) in [
        ("talk.wav", vec![talk.as_str()]),
        ("talk.png", vec![]),
        ("talk.svg", vec![]),
        ("labels.csv", vec!["--labels", labels.as_str(), talk.as_str()]),
        ("model.bin", vec!["--model", model.as_str(), talk.as_str()]),
    ] {
        let path = place.at(victim).display().to_string();
        let read = if read.is_empty() { vec![path.as_str()] } else { read };
        for spelling in place.spellings(victim) {
            let spelling = spelling.display().to_string();
            for output in outputs(&spelling) {
                for force in [&[][..], &["--force"]] {
                    let arguments = [&output.iter().map(String::as_str).collect::<Vec<_>>()[..], &read, force].concat();
                    place.refused(&arguments, &["is an input and would be overwritten", &spelling, &path]);
                }
            }
        }
    }
}

#[test]
fn a_folder_that_is_searched_is_no_way_around() {
    let place = Place::new();
    let folder = place.at("recordings").display().to_string();
    for spelling in place.spellings("recordings/talk.flac") {
        let spelling = spelling.display().to_string();
        place.refused(&["--format", "csv", "--output", &spelling, &folder], &["is an input", &spelling]);
    }
    // An output named after a recording may be an input, directly or through a link.
    let (results, labels) = (place.at("results"), place.at("results/talk.wav.csv").display().to_string());
    fs::create_dir(&results).unwrap();
    fs::write(&labels, LABELS).unwrap();
    symlink("results", place.at("elsewhere")).unwrap();
    let talk = place.at("talk.wav").display().to_string();
    for folder in ["results", "results/", "elsewhere", "sub/../results"] {
        let folder = place.at(folder).display().to_string();
        let arguments = ["--format", "csv", "--output", &folder, "--labels", &labels, &talk];
        place.refused(&arguments, &["is an input and would be overwritten", &labels]);
    }
}

#[test]
fn two_outputs_are_never_one_file() {
    let place = Place::new();
    let talk = place.at("talk.wav").display().to_string();
    fs::write(place.at("a.csv"), "").unwrap();
    symlink("new.csv", place.at("dangling.csv")).unwrap();
    let new = ["./new.csv", "sub/../new.csv", "dangling.csv", "absent/../new.csv"].map(|name| place.at(name));
    for (name, spellings) in [("a.csv", place.spellings("a.csv")), ("new.csv", new.to_vec())] {
        let first = place.at(name).display().to_string();
        for second in spellings {
            let second = second.display().to_string();
            let [csv, json] = [format!("csv={first}"), format!("json={second}")];
            place.refused(&["--save", &csv, "--save", &json, &talk], &["would be written twice", &first, &second]);
            place.refused(&["--save", &json, "--output", &first, &talk], &["would be written twice", &first, &second]);
        }
    }
    let (folder, file) = (place.at("new").display().to_string(), place.at("new/talk.wav.txt").display().to_string());
    place.refused(&["--output", &format!("{folder}/"), "--save", &format!("csv={file}"), &talk], &["written twice", &file]);
    place.refused(&["--output", &format!("{folder}/"), "--save", &format!("csv={folder}"), &talk], &["would be in", &folder]);
    place.refused(&["--output", &format!("{talk}/"), &talk], &["would be in", "which is a file"]);
}

#[test]
fn what_nobody_gets_back_is_replaced_only_when_that_is_said() {
    let place = Place::new();
    place.copy(&sample("formats/mono16k-s16.wav"), "other");
    fs::write(place.at("damaged.mp3"), "").unwrap();
    let talk = place.at("talk.wav").display().to_string();
    for (victim, kind) in [
        ("other", "a recording"),
        ("talk.png", "a recording"),
        ("damaged.mp3", "a recording"),
        ("model.bin", "a model"),
        ("manifest.csv", "a manifest"),
    ] {
        let victim = place.at(victim).display().to_string();
        for output in outputs(&victim) {
            let output: Vec<&str> = output.iter().map(String::as_str).collect();
            place.refused(&[&output[..], &[&talk]].concat(), &[&victim, kind, "--force replaces it"]);
        }
        let outcome = moodline(["analyze", "--force", "--format", "csv", "--output", &victim, &talk]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        assert!(fs::read_to_string(&victim).unwrap().starts_with("file,start_s"));
        // Results may be replaced by results, but not if they have an audio file's name.
        let again = moodline(["analyze", "--format", "csv", "--output", &victim, &talk]).code;
        let is_named_audio = victim.ends_with(".mp3");
        assert_eq!(again, if is_named_audio { 2 } else { 0 });
    }
}
