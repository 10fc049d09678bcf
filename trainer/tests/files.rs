//! No command of the trainer overwrites its inputs, or any recording, manifest, model or configuration, however the paths are written.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use test_support::folder::contents;

const TABLE: &str = "path,speaker,emotion,split\nrec/angry/anna/1.flac,anna,angry,train\nrec/sad/ben/2.flac,ben,sad,dev\n";
const AUGMENTATION: &str = "\n[augmentation]\ncopies = 1\ntransforms = [{ kind = 'gain', db = 3 }]\n";

/// A folder in which every command finds its inputs.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let clip = fs::read(repository.join("tests/samples/03a02Nc.flac")).unwrap();
        let model = fs::read(repository.join("models/paper-ltc-16/model.onnx")).unwrap();
        let config = fs::read_to_string(repository.join("trainer/configs/paper-ltc-16.toml")).unwrap() + AUGMENTATION;
        for name in ["rec/angry/anna/1.flac", "rec/sad/ben/2.flac", "preview/original.wav", "preview/copy-01.wav", "other"] {
            place.put(name, &clip);
        }
        for name in ["corpus.csv", "theirs.csv", "report/predictions.csv", "robust/robustness.json", "crossval/folds.csv"] {
            // Absolute paths, because links to the file are in other folders.
            place.put(name, TABLE.replace("rec/", &format!("{}/", place.at("rec").display())).as_bytes());
        }
        for name in ["config.toml", "run/config.toml", "train.toml"] {
            place.put(name, config.as_bytes());
        }
        for name in ["model/model.onnx", "report/model.onnx", "report/metrics.json", "run/checkpoints/best.safetensors"] {
            place.put(name, &model);
        }
        place.put("model/units.md", b"| units | UAR |\n");
        place.put("run/run.json", b"{}");
        place.put("map.toml", b"angry = [\"angry\"]\nsad = [\"sad\"]\n");
        fs::create_dir(place.at("sub")).unwrap();
        symlink(".", place.at("self")).unwrap();
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        fs::create_dir_all(self.at(name).parent().unwrap()).unwrap();
        fs::write(self.at(name), bytes).unwrap();
    }

    /// Different ways to write the path of the file `name`, relative to the folder; some are links, which are created here.
    fn spellings(&self, name: &str) -> Vec<String> {
        let (link, hard) = ("a-link", "a-hard-link");
        for made in [link, hard] {
            let _ = fs::remove_file(self.at(made));
        }
        symlink(name, self.at(link)).unwrap();
        fs::hard_link(self.at(name), self.at(hard)).unwrap();
        let named = ["", "./", "sub/../", "self/"].map(|before| format!("{before}{name}"));
        let links = [self.at(name).display().to_string(), link.to_owned(), hard.to_owned()];
        named.into_iter().chain(links).collect()
    }

    fn trainer(&self, line: &str) -> (Option<i32>, String) {
        let words = shlex::split(line).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_trainer"));
        let output = command.args(words).current_dir(self.0.path()).stdin(Stdio::null()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }

    /// Runs the command, which must refuse with one line containing these words, and change nothing.
    fn refused(&self, line: &str, words: &[&str]) {
        let before = contents(self.0.path());
        let (code, told) = self.trainer(line);
        assert_eq!(code, Some(2), "{line}: {told}");
        assert!(told.starts_with("error: ") && told.lines().count() == 1, "{line}: {told}");
        assert!(words.iter().all(|word| told.contains(word)), "{line}: {words:?}: {told}");
        assert!(contents(self.0.path()) == before, "{line} changed a file");
    }
}

/// Commands with the output `{}`, and their input files.
const OUTPUTS: [(&str, &[&str]); 8] = [
    ("corpus manifest csv theirs.csv --labels map.toml --out {}", &["theirs.csv", "map.toml", "rec/angry/anna/1.flac"]),
    ("corpus manifest folders rec --out {}", &["rec/sad/ben/2.flac"]),
    ("corpus stats corpus.csv --svg {}", &["corpus.csv", "rec/angry/anna/1.flac"]),
    ("corpus stats corpus.csv --json {}", &["corpus.csv", "rec/sad/ben/2.flac"]),
    ("export run --out {}", &["run/config.toml", "run/run.json", "run/checkpoints/best.safetensors"]),
    ("report model --out {}", &["model/model.onnx"]),
    ("report run --out {}", &["run/config.toml", "run/run.json"]),
    ("report report --out {}", &["report/predictions.csv", "report/metrics.json"]),
];

#[test]
fn an_input_is_never_an_output() {
    let place = Place::new();
    for (line, victims) in OUTPUTS {
        for victim in victims {
            for spelling in [place.spellings(victim), vec![format!("absent/../{victim}")]].concat() {
                for force in ["", " --force"] {
                    let line = line.replace("{}", &spelling) + force;
                    place.refused(&line, &["is an input and would be overwritten", &spelling]);
                }
            }
        }
    }
}

/// Commands that write files with fixed names into a folder, and read `{}`.
const INPUTS: [(&str, &str); 6] = [
    ("evaluate --model model/model.onnx --split all --report report --manifest {}", "report/predictions.csv"),
    ("evaluate --model {} --split all --report report --manifest corpus.csv", "report/metrics.json"),
    ("robustness --model model/model.onnx --split all --out robust --manifest {}", "robust/robustness.json"),
    ("augment preview {} --config config.toml --out preview", "preview/original.wav"),
    ("augment preview {} --config config.toml --out preview", "preview/copy-01.wav"),
    ("crossval --protocol fixed --config config.toml --resume --out crossval --manifest {}", "crossval/folds.csv"),
];

#[test]
fn a_file_that_a_folder_of_results_would_hold_is_safe() {
    let place = Place::new();
    for (line, victim) in INPUTS {
        for spelling in place.spellings(victim) {
            place.refused(&line.replace("{}", &spelling), &["is an input and would be overwritten", &spelling]);
        }
    }
    symlink("units.md", place.at("model/MODEL_CARD.md")).unwrap();
    place.refused("card model", &["is an input and would be overwritten", "units.md"]);
}

#[test]
fn two_outputs_are_never_one_file() {
    let place = Place::new();
    symlink("new.svg", place.at("dangling")).unwrap();
    for second in ["new.svg", "./new.svg", "sub/../new.svg", "self/new.svg", "absent/../new.svg", "dangling"] {
        let line = format!("corpus stats corpus.csv --json new.svg --svg {second}");
        place.refused(&line, &["would be written twice", second]);
    }
    place.refused("export run --out new/train.toml", &["would be written twice"]);
    fs::create_dir(place.at("mixed")).unwrap();
    symlink("train.toml", place.at("mixed/model.onnx")).unwrap();
    place.refused("export run --out mixed/model.onnx", &["would be written twice"]);
}

#[test]
fn what_nobody_gets_back_is_replaced_only_when_that_is_said() {
    let place = Place::new();
    for (line, kind) in [
        ("corpus manifest csv theirs.csv --out corpus.csv", "a manifest"),
        ("corpus manifest csv theirs.csv --out other", "a recording"),
        ("corpus stats corpus.csv --svg other", "a recording"),
        ("corpus stats corpus.csv --json model/model.onnx", "a model"),
        ("corpus stats corpus.csv --json theirs.csv", "a manifest"),
        ("export run --out model/model.onnx", "a model"),
        ("export run --out new.onnx", "a configuration"),
        ("augment preview other --config config.toml --out preview", "a recording"),
        ("evaluate --model model/model.onnx --split all --report report --manifest corpus.csv", "a model"),
        ("report model --out corpus.csv", "a manifest"),
    ] {
        place.refused(line, &[kind, "--force replaces it"]);
    }
    let (code, told) = place.trainer("corpus manifest csv theirs.csv --out corpus.csv --force");
    assert_eq!(code, Some(0), "{told}");
    assert!(fs::read_to_string(place.at("corpus.csv")).unwrap().starts_with("path,corpus,speaker,"));
    let (code, told) = place.trainer("augment preview other --config config.toml --out preview --force");
    assert_eq!(code, Some(0), "{told}");
    assert!(fs::read(place.at("preview/original.wav")).unwrap().starts_with(b"RIFF"));
    let (code, told) = place.trainer("report model --out model/report.html");
    assert_eq!(code, Some(0), "{told}");
    let (code, told) = place.trainer("report model --out model/report.html");
    assert_eq!(code, Some(0), "a report may be written again: {told}");
}

#[test]
fn a_file_is_no_folder_for_results() {
    let place = Place::new();
    for line in [
        "train --config config.toml --manifest corpus.csv --out corpus.csv",
        "crossval --protocol fixed --config config.toml --manifest corpus.csv --out ./corpus.csv",
        "evaluate --model model/model.onnx --split all --manifest corpus.csv --report other",
        "robustness --model model/model.onnx --split all --manifest corpus.csv --out model/model.onnx",
        "augment preview other --config config.toml --out other",
        "corpus manifest csv theirs.csv --out corpus.csv/new.csv",
    ] {
        place.refused(line, &["would be in", "which is a file"]);
    }
    place.refused("corpus manifest csv theirs.csv --out sub", &["sub: expected the name of a file to write, found a folder"]);
    let before = contents(place.0.path());
    let (code, told) = place.trainer("sweep --config config.toml --manifest corpus.csv --out sub/..");
    assert_ne!(code, Some(0), "{told}");
    assert!(contents(place.0.path()) == before, "a folder that is no sweep gets not even a lock");
}

#[test]
fn an_error_names_the_path_of_the_user_and_no_other() {
    let place = Place::new();
    for (line, path) in [
        ("corpus manifest csv theirs.csv --out /dev/full", "/dev/full"),
        ("corpus stats corpus.csv --svg /proc/stats.svg", "/proc/stats.svg"),
        ("report model --out /proc/report.html", "/proc/report"),
    ] {
        let (code, told) = place.trainer(line);
        assert_eq!(code, Some(1), "{line}: {told}");
        assert!(told.lines().last().unwrap().contains(path) && !told.contains(".moodline-"), "{line}: {told}");
    }
}
