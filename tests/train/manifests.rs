//! Manifests: what is read, and that all errors in them are reported at once.

use std::fs;
use std::path::{Path, PathBuf};

use moodline_core::Emotion;
use tempfile::TempDir;
use trainer::data::manifest::{Manifest, ManifestProblem, Split, Splits};

/// A folder with these (empty) clips and a manifest with this content.
fn folder(clips: &[&str], manifest: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    for clip in clips {
        let path = folder.path().join(clip);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    let path = folder.path().join("corpus.csv");
    fs::write(&path, manifest).unwrap();
    (folder, path)
}

fn problems(path: &Path) -> Vec<String> {
    let error = Manifest::read(&[path.to_owned()], Splits::Required).unwrap_err();
    error.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn bom_crlf_quotes_blanks_and_other_columns_are_read_alike() {
    let (_folder, path) = folder(
        &["a/1.wav", "b, c/2.wav"],
        "\u{feff}age, path ,speaker,emotion,split\r\n31,a/1.wav,anna,happy,train\r\n\r\n40,\"b, c/2.wav\", ben ,sad,test\r\n",
    );
    let manifest = Manifest::read(std::slice::from_ref(&path), Splits::Required).unwrap();
    let [first, second] = manifest.utterances.as_slice() else { panic!("{manifest:?}") };
    assert_eq!((first.speaker.as_str(), first.emotion, first.split), ("anna", Emotion::Happy, Some(Split::Train)));
    assert_eq!((second.speaker.as_str(), second.emotion, second.split), ("ben", Emotion::Sad, Some(Split::Test)));
    assert_eq!(second.path, path.parent().unwrap().join("b, c/2.wav"));
    assert_eq!(first.corpus, "corpus", "without a column the corpus is the name of the file");
    assert_eq!(manifest.of_split(Some(Split::Test)).count(), 1);
    assert_eq!(manifest.of_split(None).count(), 2);
}

#[test]
fn what_is_tested_only_needs_no_split_and_none_counts() {
    let (_known, known) = folder(&["1.wav"], "path,speaker,emotion,split,corpus,language\n1.wav,anna,happy,train,one,de\n");
    let (_strange, strange) =
        folder(&["2.wav", "3.wav"], "path,speaker,emotion,split,corpus\n2.wav,ben,sad,train,two\n3.wav,ben,sad,dev,two\n");
    let manifest = Manifest::read_each([(known.as_path(), Splits::Required), (strange.as_path(), Splits::AllTest)]).unwrap();
    let splits: Vec<_> = manifest.utterances.iter().map(|clip| (clip.corpus.as_str(), clip.split.unwrap())).collect();
    assert_eq!(splits, [("one", Split::Train), ("two", Split::Test), ("two", Split::Test)], "and one speaker is in one split");
    assert_eq!((manifest.utterances[0].language.as_deref(), manifest.utterances[1].language.as_deref()), (Some("de"), None));
}

#[test]
fn what_listeners_perceived_is_compared_with_the_intention() {
    let clips = ["1.wav", "2.wav", "3.wav", "4.wav", "5.wav"];
    let perceived = |column: &str, values: [&str; 5]| {
        let lines = clips.iter().zip(values).map(|(clip, value)| format!("{clip},anna,sad,train,{value}\n"));
        let text = format!("path,speaker,emotion,split,{column}\n{}", lines.collect::<String>());
        let (_folder, path) = folder(&clips, &text);
        let manifest = Manifest::read(&[path], Splits::Required).unwrap();
        manifest.utterances.iter().map(|clip| clip.is_perceived).collect::<Vec<_>>()
    };
    let expected = [Some(true), Some(true), Some(false), Some(false), None];
    assert_eq!(perceived("perceived", ["sad", "neutral: Sad", "neutral", "surprise", ""]), expected);
    assert_eq!(perceived("voice_vote", ["S", "N:S", "N", "D:F", ""]), expected);
    assert_eq!(perceived("note", ["S", "N:S", "N", "D:F", ""]), [None; 5]);
}

#[test]
fn whatever_a_spreadsheet_saves_is_the_same_manifest() {
    let header = ["Path", "SPEAKER", "Emotion", "Split", "note"];
    let rows = [["a;b, c/1.wav", "anna", "Happy", "TRAIN", "x"], ["2.wav", "ben", "SAD", "Test", ""]];
    let text = |delimiter: &str, end: &str| {
        let line = |row: &[&str]| row.iter().map(|field| format!("\"{field}\"")).collect::<Vec<_>>().join(delimiter) + end;
        [line(&header), line(&rows[0]), line(&rows[1])].concat()
    };
    let utf16 = |text: &str| [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let files = [
        text(",", "\n").into_bytes(),
        text(";", "\r\n").into_bytes(),
        text("\t", "\r").into_bytes(),
        format!("\u{feff}{}", text(";", "\n")).into_bytes(),
        utf16(&text("\t", "\r\n")),
    ];
    for (index, bytes) in files.iter().enumerate() {
        let (_folder, path) = folder(&["a;b, c/1.wav", "2.wav"], "");
        fs::write(&path, bytes).unwrap();
        let manifest = Manifest::read(&[path], Splits::Required).unwrap_or_else(|error| panic!("file {index}: {error}"));
        let found: Vec<_> = manifest
            .utterances
            .iter()
            .map(|clip| (clip.name.as_str(), clip.speaker.as_str(), clip.emotion, clip.split.unwrap()))
            .collect();
        assert_eq!(found, [("a;b, c/1.wav", "anna", Emotion::Happy, Split::Train), ("2.wav", "ben", Emotion::Sad, Split::Test)]);
    }
    let (_folder, path) = folder(&[], "");
    fs::write(&path, b"path,speaker,emotion,split\n\xE4.wav,a,sad,train\n").unwrap();
    assert!(problems(&path)[0].contains("not UTF-8"), "{:?}", problems(&path));
}

#[test]
fn all_missing_columns_are_named_together() {
    let (_folder, path) = folder(&[], "path,label\nx.wav,happy\n");
    let found = problems(&path);
    assert_eq!(found.len(), 1);
    assert!(found[0].ends_with("missing columns speaker, emotion, split; found path, label"), "{}", found[0]);
}

#[test]
fn a_column_that_is_there_twice_is_refused_but_others_may_be() {
    let (_folder, path) = folder(&["1.wav"], "path,speaker,emotion,split,Emotion\n1.wav,a,sad,train,happy\n");
    assert!(
        problems(&path)[0].ends_with("2 columns are called 'emotion', expected one; rename or remove the others"),
        "{:?}",
        problems(&path)
    );
    let (_folder, path) = folder(&["1.wav"], "path,speaker,emotion,split,note,note\n1.wav,a,sad,train,x,y\n");
    assert_eq!(Manifest::read(&[path], Splits::Required).unwrap().utterances.len(), 1);
}

#[test]
fn every_bad_line_of_every_manifest_is_reported_at_once() {
    let (_first, bad) = folder(
        &["1.wav", "2.wav", "3.wav"],
        "path,speaker,emotion,split\n1.wav,a,furious,train\ngone.wav,a,sad,training\n1.wav,a,sad,train\n1.wav,a,sad,train\n\
         2.wav,,sad,train\n,a,sad,train\n3.wav,a,sad\n",
    );
    let (_second, empty) = folder(&[], "path,speaker,emotion,split\n");
    let (_third, unmounted) = folder(&[], "path,speaker,emotion,split\ngone.wav,a,sad,train\nlost.wav,b,sad,dev\n");
    let error = Manifest::read(&[bad, empty, unmounted, PathBuf::from("nowhere.csv")], Splits::Required).unwrap_err();
    let text = error.to_string();
    for expected in [
        "line 2: unknown emotion 'furious': expected angry, happy, sad or neutral",
        "line 3: unknown split 'training': expected train, dev or test",
        "line 5: '1.wav' is listed twice, first at ",
        "line 2; keep one of the lines",
        "line 6: no speaker",
        "line 7: no path",
        "line 8: 3 columns, expected 4 as in the header",
        "no utterances below the header",
        "none of its 2 files is there, not even 'gone.wav'",
        "nowhere.csv: ",
    ] {
        assert!(text.contains(expected), "'{expected}' is not in:\n{text}");
    }
    assert!(text.starts_with(&format!("{} problems", error.problems.len())), "{text}");
}

#[test]
fn a_clip_that_is_not_there_is_left_to_whoever_loads_it() {
    let (_folder, path) = folder(&["1.wav"], "path,speaker,emotion,split\n1.wav,a,sad,train\ngone.wav,a,sad,train\n");
    assert_eq!(Manifest::read(&[path], Splits::Required).unwrap().utterances.len(), 2);
}

#[test]
fn a_speaker_in_two_splits_is_refused_also_across_manifests() {
    let header = "path,speaker,emotion,split\n";
    let (_a, first) = folder(&["1.wav", "2.wav"], &format!("{header}1.wav,anna,sad,train\n2.wav,ben,sad,dev\n"));
    let (_b, second) = folder(&["1.wav"], &format!("{header}1.wav,anna,sad,test\n"));
    let error = Manifest::read(&[first.clone(), second], Splits::Required).unwrap_err();
    let [ManifestProblem::SpeakerInSeveralSplits { speaker, splits }] = error.problems.as_slice() else { panic!("{error}") };
    assert_eq!((speaker.as_str(), splits.as_str()), ("anna", "train, test"));
    assert_eq!(Manifest::read(&[first], Splits::Required).unwrap().utterances.len(), 2);
}

#[test]
fn without_splits_the_column_may_hold_anything_or_be_missing() {
    let (_a, with) = folder(&["1.wav"], "path,speaker,emotion,split\n1.wav,anna,sad,sample\n");
    let (_b, without) = folder(&["1.wav"], "path,speaker,emotion,corpus\n1.wav,anna,sad,emodb\n");
    assert_eq!(problems(&with).len(), 1);
    let manifest = Manifest::read(&[with, without], Splits::Ignored).unwrap();
    assert_eq!(manifest.utterances.iter().map(|utterance| utterance.corpus.as_str()).collect::<Vec<_>>(), ["corpus", "emodb"]);
}
