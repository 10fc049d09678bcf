//! The commands in the READMEs of `docs` create the pages they describe: here from the sample recordings, with one epoch.
#![cfg(unix)]

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

const LIQUID_1: &str = include_str!("../../docs/liquid-1/README.md");
const REPRODUCTION: &str = include_str!("../../docs/reproduction/README.md");
const SAMPLES: &str = include_str!("../../tests/samples/samples.csv");

/// `trainer` as a reader would type it, adapted to a small corpus and little time.
const SHELL: &str = r#"set -e
trainer() {
    case $1 in
        report) "$TRAINER" "$@" ;;
        crossval) "$TRAINER" "$@" --folds 2 --set training.epochs=1 --cache none ;;
        *) "$TRAINER" "$@" --set training.epochs=1 --set augmentation.copies=0 --cache none ;;
    esac
}
"#;

/// The lines to type, up to the one that writes the page.
fn script(document: &str) -> String {
    let typed = document.lines().filter(|line| line.starts_with("    ")).map(str::trim_start);
    let mut script = SHELL.to_owned();
    for line in typed {
        script += line;
        script.push('\n');
        if line.starts_with("trainer report ") {
            return script;
        }
    }
    panic!("no page is written:\n{document}");
}

/// A corpus of all sample recordings, with its own name and folder.
fn put_corpus(place: &Path, name: &str) {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/samples");
    fs::create_dir(place.join(name)).unwrap();
    let mut manifest = "path,corpus,speaker,emotion,split\n".to_owned();
    for line in SAMPLES.lines().skip(1) {
        let [path, _, speaker, _, emotion, ..] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let split = match speaker {
            "emodb:08" => "dev",
            "emodb:12" => "test",
            _ => "train",
        };
        fs::copy(samples.join(path), place.join(name).join(path)).unwrap();
        writeln!(manifest, "{name}/{path},{name},{name}-{speaker},{emotion},{split}").unwrap();
    }
    fs::write(place.join(format!("{name}.csv")), manifest).unwrap();
}

/// Follows `document` in a new folder; returns the page and the number of figures beside it.
fn page(document: &str) -> (String, usize) {
    let place = tempfile::tempdir().unwrap();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for folder in ["models", "trainer"] {
        symlink(repository.join(folder), place.path().join(folder)).unwrap();
    }
    for corpus in ["crema-d", "emodb"] {
        put_corpus(place.path(), corpus);
    }
    let mut shell = Command::new("sh");
    shell.args(["-c", &script(document)]).env("TRAINER", env!("CARGO_BIN_EXE_trainer")).current_dir(place.path());
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let figures = fs::read_dir(place.path().join("report")).unwrap().map(|entry| entry.unwrap().path());
    let n_figures = figures.filter(|path| path.extension().is_some_and(|ending| ending == "svg")).count();
    (fs::read_to_string(place.path().join("report.html")).unwrap(), n_figures)
}

#[test]
fn the_page_of_the_default_model() {
    let (page, n_figures) = page(LIQUID_1);
    assert!(page.contains("<title>liquid-1</title>") && n_figures > 10, "{n_figures} figures");
}

#[test]
fn the_page_of_the_reproduction() {
    let (page, n_figures) = page(REPRODUCTION);
    assert!(page.contains("The paper, done again") && n_figures > 20, "{n_figures} figures");
}
