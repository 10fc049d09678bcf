//! Pages, as written and as shown by a browser.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use moodline_engine::Model;
use serde_json::Value;
use test_support::skip::skip;
use test_support::{hosts, sample, tests_file};
use tests_command::moodline;

fn analyze(arguments: &[&str]) {
    let outcome = moodline(["analyze", "--backend", "native"].iter().chain(arguments).copied());
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
}

/// A folder with recordings with difficult names, and their pages in another.
fn pages(audio: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let recordings = folder.path().join("recordings");
    fs::create_dir_all(recordings.join("in ner")).unwrap();
    for (name, copy) in
        [("unheard.flac", "a \"talk\" & <more> #1 100%.flac"), ("03a02Wc.flac", "in ner/b.flac"), ("08a02Tb.flac", "c.flac")]
    {
        fs::copy(sample(name), recordings.join(copy)).unwrap();
    }
    let pages = folder.path().join("pages");
    let (written, read) = (format!("{}/", pages.display()), recordings.display().to_string());
    analyze(&["--window", "2", "--hop", "0.5", "--format", "html", "--page-audio", audio, "--output", &written, &read]);
    (folder, pages)
}

#[test]
fn a_folder_gets_a_page_a_recording_and_an_index() {
    let (_folder, pages) = pages("link");
    let index = fs::read_to_string(pages.join("index.html")).unwrap();
    assert_eq!(index.matches("<tr><td").count(), 3);
    assert!(
        index.contains("href=\"./in%20ner/b.flac.html\"") && index.contains("&quot;talk&quot; &amp; &lt;more&gt;"),
        "{index}"
    );
    let page = fs::read_to_string(pages.join("a \"talk\" & <more> #1 100%.flac.html")).unwrap();
    assert!(
        page.contains("src=\"../recordings/a%20%22talk%22%20%26%20%3Cmore%3E%20%231%20100%25.flac\""),
        "the link is relative"
    );
    assert!(!page.contains("<more>") && page.contains("default-src 'none'") && !page.contains("://"), "nothing from elsewhere");
    for word in ["Timeline", "Summary", "Passages", "Most intense", "Uncertain", "role=\"slider\"", "22 s of speech in 22 s"] {
        assert!(page.contains(word), "{word}");
    }
    let inner = fs::read_to_string(pages.join("in ner/b.flac.html")).unwrap();
    assert!(inner.contains("src=\"../../recordings/in%20ner/b.flac\""));
}

#[test]
fn a_recording_can_be_a_part_of_its_page_or_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    let path = page.to_str().unwrap();
    let talk = sample("08a02Tb.flac");
    let html = |how: &str| {
        analyze(&["--format", "html", "--page-audio", how, "--output", path, talk.to_str().unwrap()]);
        fs::read_to_string(path).unwrap()
    };
    let embedded = html("embed");
    let data = embedded.split("src=\"data:audio/ogg;base64,").nth(1).unwrap().split('"').next().unwrap();
    let opus = BASE64_STANDARD.decode(data).unwrap();
    assert!(opus.starts_with(b"OggS") && opus[28..].starts_with(b"OpusHead"));
    assert!(3 * opus.len() as u64 <= fs::metadata(&talk).unwrap().len(), "{} bytes", opus.len());
    let without = html("none");
    assert!(!without.contains("<audio") && !without.contains("<button") && !without.contains("<script"));
}

/// Page and pictures are saved beside those of the browser, for inspection.
#[test]
fn pages_pictures_and_tables_tell_doubt_from_emotions() {
    let folder = tempfile::tempdir().unwrap();
    let (model, embedded) = (folder.path().join("strict.onnx"), Model::embedded());
    let mut contract = embedded.contract().clone();
    // Half of the sample is closer than that.
    contract.familiarity.as_mut().unwrap().limit = 1.1;
    fs::write(&model, moodline_core::onnx::write(&contract, embedded.weights())).unwrap();
    let file = |ending: &str| shots().join(format!("doubt.{ending}")).display().to_string();
    let [page, svg, png, csv] = ["html", "svg", "png", "csv"].map(file);
    let (stream, model) = (sample("unheard.flac").display().to_string(), model.display().to_string());
    let arguments = [
        "--model",
        &model,
        "--window",
        "2",
        "--hop",
        "0.25",
        "--save",
        &format!("csv={csv}"),
        "--format",
        "html",
        "--output",
        &page,
    ];
    for picture in [&svg, &png] {
        analyze(&[&arguments[..], &["--plot", picture, &stream]].concat());
    }
    let table = fs::read_to_string(csv).unwrap();
    let is_there = |what: &str| table.lines().any(|line| line.contains(what));
    assert!(
        is_there(",unfamiliar,")
            && is_there(",speech,")
            && table.lines().any(|line| line.contains(",speech,") && line.ends_with("true"))
    );
    let (page, svg) = (fs::read_to_string(page).unwrap(), fs::read_to_string(svg).unwrap());
    for text in ["uncertain, leaning", "</svg> unfamiliar</td>", "class=\"oblique\"", "% of it uncertain"] {
        assert!(page.contains(text), "{text}");
    }
    for text in ["uncertain", "unfamiliar"] {
        assert!(svg.contains(&format!("\n{text}\n")), "{text}");
    }
}

/// The program, if it runs; otherwise the test that needs it is skipped.
fn program(name: &str) -> Option<&str> {
    let status = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let runs = status.is_ok_and(|status| status.success());
    if !runs {
        skip(name, "it is not installed; `cargo xtask setup` installs it on Debian and Ubuntu");
    }
    runs.then_some(name)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// Output folder for pictures of the pages.
fn shots() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("shots");
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn in_a_browser(python: &Path, page: &Path, index: &Path) -> Option<Value> {
    let (chromium, driver) = (program("chromium")?, program("chromedriver")?);
    let mut command = Command::new(python);
    command.arg(tests_file("python/check_page.py"));
    // The program itself: its driver looks for nothing else.
    let chromium = Command::new("sh").args(["-c", &format!("command -v {chromium}; command -v {driver}")]).output().unwrap();
    let programs = String::from_utf8(chromium.stdout).unwrap();
    let output = command.args(programs.lines()).arg(page).arg(index).arg(shots()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn a_page_is_played_by_mouse_and_keyboard_at_every_width() {
    let Some(python) = hosts::python("selenium") else { return };
    for audio in ["link", "embed"] {
        plays(&python, audio);
    }
}

fn plays(python: &Path, audio: &str) {
    let (_folder, pages) = pages(audio);
    let page = pages.join("a \"talk\" & <more> #1 100%.flac.html");
    let Some(found) = in_a_browser(python, &page, &pages.join("index.html")) else { return };
    let nothing: [Value; 0] = [];
    assert_eq!(found["complaints"].as_array().unwrap(), &nothing, "{found}");
    assert_eq!(found["title"], "a \"talk\" & <more> #1 100%.flac");
    let duration = number(&found["duration"]);
    let near = |found: &Value, expected: f64| assert!((number(found) - expected).abs() < 0.12, "{found}, expected {expected}");
    for overflow in [&found["overflow"], &found["index_overflow"]] {
        assert_eq!((&overflow["desktop"], &overflow["phone"]), (&Value::from(0), &Value::from(0)), "wider than the window");
    }
    near(&found["sought"], number(&found["passage"][0]));
    assert_eq!((&found["n_current"], &found["visible_heads"]), (&Value::from(1), &Value::from(3)));
    near(&found["middle"], number(&found["row_s"]) / 2.0);
    for (time, expected) in found["keys"].as_array().unwrap().iter().zip([0.0, 1.0, 11.0, 10.0, duration]) {
        near(time, expected);
    }
    assert!(found["said"].as_str().unwrap().starts_with("0:00, "), "{}", found["said"]);
    assert_ne!(found["light"], found["dark"]);
    assert_eq!(found["printed_player"], "none");
    assert_eq!((&found["foreign"], &found["refusals"]), (&Value::from(false), &Value::from(1)));

    assert_eq!(found["index"].as_array().unwrap().len(), 3);
    for (sorted, order) in found["sorted"].as_array().unwrap().iter().zip(["ascending", "ascending", "descending"]) {
        let values: Vec<f64> = sorted[0].as_array().unwrap().iter().map(number).collect();
        let is_sorted = values.is_sorted_by(|a, b| if order == "ascending" { a <= b } else { a >= b });
        assert!(is_sorted && sorted[1] == order, "{sorted}");
    }
    assert!(found["followed"].as_str().unwrap().ends_with(".flac"));
}
