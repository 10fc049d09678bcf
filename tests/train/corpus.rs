//! Corpora in their official layouts: what the adapters derive from names and label lists, and what the statistics report.
//!
//! CREMA-D, EmoDB and RAVDESS are read whole if present; the other layouts are built from the CC0 recordings of `tests/samples`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use moodline_core::Emotion;
use test_support::sample;
use trainer::base::plot::Figure as _;
use trainer::base::progress::{Interrupt, Progress};
use trainer::data::corpus::{Acting, Columns, Hints, LabelMap, Layout, Recording, Table, TableOptions, check_iemocap};
use trainer::data::manifest::{Manifest, Split, Splits};
use trainer::data::stats::Statistics;

use crate::corpora::manifest_path;

fn put(path: &Path, audio: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::copy(audio, path).unwrap();
}

fn options(layout: Layout) -> TableOptions {
    TableOptions { corpus: layout.name().to_owned(), labels: LabelMap::of(layout), part: None, split: None }
}

fn trainer(arguments: &[&str]) -> ExitCode {
    trainer::cli::run(
        std::iter::once("trainer").chain(arguments.iter().copied()).map(Into::into),
        Progress::Silent,
        &Interrupt::default(),
    )
}

/// The official names agree with the manifests, which were made from the corpora's own label tables.
#[test]
fn real_corpora_are_read_as_their_manifests_say() {
    for layout in [Layout::CremaD, Layout::Emodb, Layout::Ravdess] {
        let Some(path) = manifest_path(layout.name()) else { continue };
        let expected = Manifest::read(std::slice::from_ref(&path), Splits::Required).unwrap();
        let found = layout.find(&path.with_extension(""), &Hints::default()).unwrap();
        assert_eq!(found.problems, Vec::<String>::new());
        let table = Table::new(found.recordings, &options(layout)).unwrap();
        assert_eq!(table.rows.len(), expected.utterances.len(), "{layout}");
        let expected: BTreeMap<&Path, (&str, Emotion)> =
            expected.utterances.iter().map(|clip| (clip.path.as_path(), (clip.speaker.as_str(), clip.emotion))).collect();
        for row in &table.rows {
            assert_eq!(expected[row.path.as_path()], (row.speaker.as_str(), row.emotion), "{}", row.path.display());
            assert!(row.text.is_some());
        }
    }
}

/// One dialog of a session: the lines of its label list.
fn label_list(turns: &[(&str, &str)]) -> String {
    let mut text = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n".to_owned();
    for (turn, code) in turns {
        text += &format!("[6.2901 - 8.2357]\t{turn}\t{code}\t[2.5000, 2.5000, 2.5000]\n");
        text += "C-E2:\tNeutral;\t()\nA-E3:\tval 3; act 2; dom  2;\t()\n\n";
    }
    text
}

/// Two sessions of IEMOCAP in the layout of the release, nested as in the archive, including files that must be skipped.
fn iemocap(root: &Path) -> PathBuf {
    let release = root.join("IEMOCAP_full_release/IEMOCAP_full_release");
    type Dialog = (u32, &'static str, &'static [(&'static str, &'static str)]);
    let dialogs: [Dialog; 3] = [
        (1, "Ses01F_impro01", &[("Ses01F_impro01_F000", "neu"), ("Ses01F_impro01_M000", "exc"), ("Ses01F_impro01_M001", "xxx")]),
        (1, "Ses01M_script01_1b", &[("Ses01M_script01_1b_F000", "ang"), ("Ses01M_script01_1b_M010", "hap")]),
        (2, "Ses02M_impro02", &[("Ses02M_impro02_F000", "sad"), ("Ses02M_impro02_F001", "ang")]),
    ];
    for (session, dialog, turns) in dialogs {
        let session = release.join(format!("Session{session}"));
        let labels = session.join("dialog/EmoEvaluation");
        fs::create_dir_all(labels.join("Categorical")).unwrap();
        fs::write(labels.join(format!("{dialog}.txt")), label_list(turns)).unwrap();
        fs::write(labels.join(format!("._{dialog}.txt")), b"\x00\x05\x16\x07[not a list").unwrap();
        fs::write(labels.join("Categorical").join(format!("{dialog}_e1_cat.txt")), label_list(&[("Ses01F_impro01_F999", "ang")]))
            .unwrap();
        for (turn, _) in turns {
            // One labelled turn has no audio.
            if *turn != "Ses02M_impro02_F001" {
                let folder = session.join("sentences/wav").join(dialog);
                put(&folder.join(format!("{turn}.wav")), &sample("formats/mono16k-s16.wav"));
                fs::write(folder.join(format!("._{turn}.wav")), b"\x00\x05\x16\x07").unwrap();
            }
        }
    }
    root.to_owned()
}

#[test]
fn iemocap_takes_the_speaker_from_the_last_group_and_skips_what_is_no_turn() {
    let place = tempfile::tempdir().unwrap();
    let found = Layout::Iemocap.find(&iemocap(place.path()), &Hints::default()).unwrap();
    let short = |recording: &Recording| {
        let name = recording.path.file_stem().unwrap().to_string_lossy().into_owned();
        (name, recording.speaker.clone(), recording.code.clone(), recording.session.clone().unwrap(), recording.part.unwrap())
    };
    let line = |name: &str, speaker: &str, code: &str, part| {
        (name.to_owned(), speaker.to_owned(), code.to_owned(), speaker[..5].to_owned(), part)
    };
    assert_eq!(
        found.recordings.iter().map(short).collect::<Vec<_>>(),
        [
            line("Ses01F_impro01_F000", "Ses01_F", "neu", Acting::Improvised),
            line("Ses01F_impro01_M000", "Ses01_M", "exc", Acting::Improvised),
            line("Ses01F_impro01_M001", "Ses01_M", "xxx", Acting::Improvised),
            line("Ses01M_script01_1b_F000", "Ses01_F", "ang", Acting::Scripted),
            line("Ses01M_script01_1b_M010", "Ses01_M", "hap", Acting::Scripted),
            line("Ses02M_impro02_F000", "Ses02_F", "sad", Acting::Improvised),
        ]
    );
    let problems = found.problems.join("\n");
    assert!(problems.contains("Ses02M_impro02_F001.wav: expected the audio of a labelled turn, found no file"), "{problems}");
    assert_eq!(found.problems.len(), 4, "the turn without audio and three missing sessions: {problems}");

    let emotions = |options: &TableOptions| {
        let table = Table::new(found.recordings.clone(), options).unwrap();
        table.rows.iter().map(|row| row.emotion).collect::<Vec<_>>()
    };
    use Emotion::{Angry, Happy, Neutral, Sad};
    let all = options(Layout::Iemocap);
    assert_eq!(emotions(&all), [Neutral, Happy, Angry, Happy, Sad]);
    assert_eq!(emotions(&TableOptions { part: Some(Acting::Improvised), ..all.clone() }), [Neutral, Happy, Sad]);
    assert_eq!(emotions(&TableOptions { labels: all.labels.clone().without("exc"), ..all }), [Neutral, Angry, Happy, Sad]);
}

/// Label lists with the published counts, without audio: labels are assigned so that the tables by session and by part both match.
fn published_iemocap(root: &Path) {
    let by_session = [
        [229, 135, 143, 194, 384, 1819],
        [137, 117, 210, 197, 362, 1811],
        [240, 135, 151, 305, 320, 2136],
        [327, 65, 238, 143, 258, 2103],
        [170, 143, 299, 245, 384, 2170],
    ];
    let mut improvised = [289, 284, 663, 608, 1099];
    let mut others = vec![("fru", 1849), ("xxx", 2507), ("sur", 107), ("fea", 40), ("dis", 2), ("oth", 3)]
        .into_iter()
        .flat_map(|(code, n)| std::iter::repeat_n(code, n));
    for (index, row) in by_session.iter().enumerate() {
        let number = index + 1;
        let (mut improvised_turns, mut scripted_turns) = (Vec::new(), Vec::new());
        for (column, code) in ["ang", "hap", "exc", "sad", "neu"].into_iter().enumerate() {
            for _ in 0..row[column] {
                if improvised[column] > 0 {
                    improvised[column] -= 1;
                    improvised_turns.push(code);
                } else {
                    scripted_turns.push(code);
                }
            }
        }
        scripted_turns.extend(others.by_ref().take(row[5] - row[..5].iter().sum::<usize>()));
        let folder = root.join(format!("Session{number}/dialog/EmoEvaluation"));
        fs::create_dir_all(&folder).unwrap();
        for (kind, turns) in [("impro", improvised_turns), ("script", scripted_turns)] {
            for (part, turns) in turns.chunks(1000).enumerate() {
                let dialog = format!("Ses{number:02}F_{kind}0{part}");
                let named: Vec<(String, &str)> =
                    turns.iter().enumerate().map(|(index, code)| (format!("{dialog}_M{index:03}"), *code)).collect();
                let lines: Vec<(&str, &str)> = named.iter().map(|(name, code)| (name.as_str(), *code)).collect();
                fs::write(folder.join(format!("{dialog}.txt")), label_list(&lines)).unwrap();
            }
        }
    }
}

#[test]
fn a_complete_copy_of_iemocap_agrees_with_the_published_counts_and_any_loss_shows() {
    let place = tempfile::tempdir().unwrap();
    published_iemocap(place.path());
    let (lines, problems) = check_iemocap(place.path()).unwrap();
    assert!(lines.iter().all(trainer::data::corpus::CheckLine::agrees), "{lines:?}");
    assert_eq!(lines[0].found, 10_039);
    assert_eq!(problems.len(), 10_039, "no turn has audio");

    let list = place.path().join("Session4/dialog/EmoEvaluation/Ses04F_impro00.txt");
    let text = fs::read_to_string(&list).unwrap();
    let first_sad = text.lines().find(|line| line.contains("\tsad\t") || line.contains("\tneu\t")).unwrap();
    let code = first_sad.split('\t').nth(2).unwrap();
    fs::write(&list, text.replacen(&format!("{first_sad}\n"), "", 1)).unwrap();
    let (lines, _) = check_iemocap(place.path()).unwrap();
    let differing: Vec<&str> = lines.iter().filter(|line| !line.agrees()).map(|line| line.what.as_str()).collect();
    assert_eq!(differing, ["turns", code, "Ses04", &format!("Ses04 {code}"), &format!("improvised {code}")]);
    assert_eq!(trainer(&["corpus", "check", "iemocap", &place.path().to_string_lossy()]), ExitCode::from(1));
}

#[test]
fn names_of_tess_and_emovo_are_read_with_their_slips() {
    let place = tempfile::tempdir().unwrap();
    let wav = sample("formats/mono16k-s16.wav");
    for name in [
        "OAF_Fear/OAF_back_fear",
        "OAF_neutral/OA_bite_neutral",
        "YAF_pleasant_surprised/YAF_bar_ps",
        "YAF_angry/YAF_bar_angry",
        "x/notes",
    ] {
        put(&place.path().join("tess").join(format!("{name}.wav")), &wav);
    }
    for name in ["f1/rab-f1-b1", "m3/gio-m3-n1", "m3/noi-m3-n1"] {
        put(&place.path().join("emovo").join(format!("{name}.wav")), &wav);
    }
    let read = |layout: Layout, folder: &str| {
        let found = layout.find(&place.path().join(folder), &Hints::default()).unwrap();
        let table = Table::new(found.recordings, &options(layout)).unwrap();
        let rows: Vec<(String, Emotion)> = table.rows.iter().map(|row| (row.speaker.clone(), row.emotion)).collect();
        (rows, table.left_out, found.problems.len())
    };
    let (rows, left_out, n_problems) = read(Layout::Tess, "tess");
    assert_eq!(rows, [("tess:OAF".to_owned(), Emotion::Neutral), ("tess:YAF".to_owned(), Emotion::Angry)]);
    assert_eq!(left_out, BTreeMap::from([("fear".to_owned(), 1), ("ps".to_owned(), 1)]));
    assert_eq!(n_problems, 1);
    let (rows, left_out, n_problems) = read(Layout::Emovo, "emovo");
    assert_eq!(rows, [("emovo:f1".to_owned(), Emotion::Angry), ("emovo:m3".to_owned(), Emotion::Happy)]);
    assert_eq!((left_out.len(), n_problems), (0, 1));
}

#[test]
fn a_folder_for_each_class_becomes_a_manifest_that_trains() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("recordings");
    for (name, audio) in [
        ("Angry/anna/1.flac", "03a02Wc.flac"),
        ("happy/ben_2.flac", "03a04Fd.flac"),
        ("sad/anna/3.flac", "03a02Ta.flac"),
        ("neutral/ben/4.flac", "03a02Nc.flac"),
        ("Bored/ben/5.flac", "08a01Na.flac"),
        ("loose.flac", "08a01Na.flac"),
    ] {
        put(&root.join(name), &sample(audio));
    }
    let manifest = place.path().join("mine.csv").to_string_lossy().into_owned();
    let folder = root.to_string_lossy().into_owned();
    let make = |extra: &[&str]| {
        trainer(&[&["corpus", "manifest", "folders", &folder, "--out", &manifest, "--force", "--name", "mine"], extra].concat())
    };
    // Two files have no speaker; the others are in the manifest.
    assert_eq!(make(&["--split", "0.5,0.5,0"]), ExitCode::from(1));
    let read = Manifest::read(&[manifest.clone().into()], Splits::Required).unwrap();
    let names: Vec<&str> = read.utterances.iter().map(|clip| clip.name.as_str()).collect();
    assert_eq!(names, ["recordings/Angry/anna/1.flac", "recordings/neutral/ben/4.flac", "recordings/sad/anna/3.flac"]);
    assert!(read.utterances.iter().all(|clip| clip.speaker.starts_with("mine:") && clip.corpus == "mine"));

    assert_eq!(make(&["--speaker", "^([a-z]+)_"]), ExitCode::from(1), "only one name has the pattern");
    assert_eq!(make(&["--speaker", "no group"]), ExitCode::from(2));
    assert_eq!(make(&["--part", "improvised"]), ExitCode::from(2), "an option of another layout");
    assert_eq!(make(&["--split", "0.5,0.1,0.1"]), ExitCode::from(2));
    assert_eq!(make(&["--split", "0.4,0.3,0.3"]), ExitCode::from(1), "two speakers cannot be in three splits");
    let map = place.path().join("map.toml");
    fs::write(&map, "sad = [\"bored\"]").unwrap();
    assert_eq!(make(&["--labels", &map.to_string_lossy()]), ExitCode::from(1));
    let read = Manifest::read(&[manifest.into()], Splits::Ignored).unwrap();
    assert_eq!(read.utterances.iter().map(|clip| clip.emotion).collect::<Vec<_>>(), [Emotion::Sad]);
}

#[test]
fn a_line_twice_is_left_out_and_another_about_the_same_file_is_named() {
    let place = tempfile::tempdir().unwrap();
    for name in ["1.flac", "2.flac"] {
        put(&place.path().join(name), &sample("03a02Wc.flac"));
    }
    let table = place.path().join("theirs.csv");
    fs::write(&table, "path\tspeaker\temotion\n1.flac\ta\tsad\n1.flac\ta\tsad\n2.flac\ta\tangry\n2.flac\ta\thappy\n").unwrap();
    let found = Layout::Csv.find(&table, &Hints::default()).unwrap();
    assert_eq!((found.recordings.len(), found.n_copies), (2, 1));
    let [problem] = found.problems.as_slice() else { panic!("{:?}", found.problems) };
    assert!(problem.ends_with("line 5: it says something else about the file of line 4; keep one of the two"), "{problem}");
}

#[test]
fn a_table_with_other_columns_and_codes_becomes_a_manifest() {
    let place = tempfile::tempdir().unwrap();
    for name in ["a_1.flac", "a_2.flac", "b_1.flac", "b_2.flac"] {
        put(&place.path().join("clips").join(name), &sample("03a02Wc.flac"));
    }
    let table = place.path().join("theirs.csv");
    fs::write(
        &table,
        "\u{feff}file;label;who;set;age;tongue;voice_vote\r\nclips/a_1.flac;Wut;anna;Train;30;de;A\r\nclips/a_2.flac;boredom;anna;train;30;de;N\r\n\
         clips/b_1.flac;froh;ben;Validation;40;;\r\nclips/b_2.flac;froh;ben;fold 3;40;;\r\nclips/gone.flac;froh;ben;dev;40;;\r\n",
    )
    .unwrap();
    let map = place.path().join("map.toml");
    fs::write(&map, "angry = [\"wut\"]\nhappy = [\"froh\"]").unwrap();
    let [table, map, out] = [table, map, place.path().join("mine.csv")].map(|path| path.to_string_lossy().into_owned());
    let make = |extra: &[&str]| {
        trainer(
            &[&["corpus", "manifest", "csv", &table, "--labels", &map, "--out", &out, "--force", "--column", "path=file"], extra]
                .concat(),
        )
    };

    let columns = ["--column", "emotion=label", "--column", "split=set"];
    let with_speaker = [&columns[..], &["--column", "speaker=who"]].concat();
    let with_language = [&with_speaker[..], &["--column", "language=tongue"]].concat();
    assert_eq!(make(&with_language), ExitCode::from(1), "one file is not there, one split is none");
    let clips = |splits| Manifest::read(&[(&out).into()], splits).unwrap().utterances;
    let found: Vec<_> =
        clips(Splits::Required).into_iter().map(|clip| (clip.name, clip.speaker, clip.emotion, clip.split)).collect();
    let anna = ("clips/a_1.flac".to_owned(), "theirs:anna".to_owned(), Emotion::Angry, Some(Split::Train));
    let ben = ("clips/b_1.flac".to_owned(), "theirs:ben".to_owned(), Emotion::Happy, Some(Split::Dev));
    assert_eq!(found, [anna, ben]);
    let written = fs::read_to_string(&out).unwrap();
    let header = "path,corpus,speaker,emotion,code,session,text,split,language,perceived\n";
    assert_eq!(
        written.strip_prefix(header).unwrap().lines().next().unwrap(),
        "clips/a_1.flac,theirs,theirs:anna,angry,Wut,,,train,de,A"
    );
    let languages: Vec<_> = clips(Splits::Required).into_iter().map(|clip| clip.language).collect();
    assert_eq!(languages, [Some("de".to_owned()), None]);

    // A manifest that training would refuse is written and refused at once, so that everything is reported while the table is at hand.
    let torn = place.path().join("torn.csv");
    fs::write(&torn, "path,who,label,set\nclips/a_1.flac,anna,Wut,train\nclips/b_1.flac,anna,froh,dev\n").unwrap();
    let torn = torn.to_string_lossy();
    let arguments =
        [&["corpus", "manifest", "csv", &torn, "--labels", &map, "--out", &out, "--force"][..], &with_speaker].concat();
    assert_eq!(trainer(&arguments), ExitCode::from(1), "anna is in train and dev");
    let without_splits = ["--column", "speaker=who", "--column", "emotion=label"];
    let arguments =
        [&["corpus", "manifest", "csv", &torn, "--labels", &map, "--out", &out, "--force"][..], &without_splits].concat();
    assert_eq!(trainer(&arguments), ExitCode::SUCCESS);

    // Without its splits the fourth clip is as good as the others; the speaker may be in the file name.
    assert_eq!(make(&["--column", "emotion=label", "--speaker", "^([a-z])_"]), ExitCode::from(1));
    let speakers: Vec<String> = clips(Splits::Ignored).into_iter().map(|clip| clip.speaker).collect();
    assert_eq!(speakers, ["theirs:a", "theirs:b", "theirs:b"]);

    let hints = |columns: &str| Hints { speaker: None, columns: columns.split(' ').map(|one| one.parse().unwrap()).collect() };
    let missing = |columns: &str| Layout::Csv.find(Path::new(&table), &hints(columns)).unwrap_err().to_string();
    assert!(
        missing("path=file")
            .ends_with("missing columns speaker, emotion; found file, label, who, set, age, tongue, voice_vote; name it with --column speaker=NAME"),
        "{}",
        missing("path=file")
    );
    assert!(missing("path=file emotion=label speaker=who text=words").contains("missing column text;"));
    assert_eq!(make(&["--column", "mood=label"]), ExitCode::from(2));
    assert!("mood=label".parse::<Columns>().unwrap_err().contains("path, speaker, emotion, session, language, text, split"));
}

#[test]
fn a_folder_without_the_layout_is_an_error_that_says_what_was_expected() {
    let place = tempfile::tempdir().unwrap();
    put(&place.path().join("a.wav"), &sample("formats/mono16k-s16.wav"));
    let sentence = |layout: Layout, folder: &Path| layout.find(folder, &Hints::default()).unwrap_err().to_string();
    let crema_d = sentence(Layout::CremaD, place.path());
    assert!(
        crema_d.contains(
            "expected the layout of crema-d (1001_DFA_ANG_XX.wav and so on), found none among 1, the first of which is "
        ) && crema_d.ends_with("a.wav: expected a name like 1001_DFA_ANG_XX, found a"),
        "{crema_d}"
    );
    assert!(sentence(Layout::Iemocap, place.path()).contains("Session1/dialog/EmoEvaluation"));
    assert!(sentence(Layout::Emodb, &place.path().join("none")).ends_with("expected the folder of a corpus, found no folder"));
}

#[test]
fn statistics_find_copies_silence_and_what_cannot_be_read() {
    let place = tempfile::tempdir().unwrap();
    put(&place.path().join("a.flac"), &sample("03a02Wc.flac"));
    put(&place.path().join("b.flac"), &sample("03a02Wc.flac"));
    put(&place.path().join("c.wav"), &sample("formats/stereo48k-s24.wav"));
    fs::write(place.path().join("broken.wav"), b"RIFF").unwrap();
    let spec = hound::WavSpec { channels: 1, sample_rate: 8_000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::create(place.path().join("silent.wav"), spec).unwrap();
    (0..8_000).for_each(|_| writer.write_sample(0_i16).unwrap());
    writer.finalize().unwrap();
    let manifest = place.path().join("mix.csv");
    fs::write(
        &manifest,
        "path,speaker,emotion,split\na.flac,x,angry,train\nb.flac,y,sad,test\nc.wav,x,angry,train\nbroken.wav,x,sad,train\nsilent.wav,x,neutral,train\n",
    )
    .unwrap();
    let read = Manifest::read(std::slice::from_ref(&manifest), Splits::Required).unwrap();
    let statistics = Statistics::measure(&read, Progress::Silent, &Interrupt::default()).unwrap();
    let corpus = &statistics.corpora[0];
    assert_eq!((corpus.corpus.as_str(), corpus.n_recordings, corpus.n_speakers, corpus.per_speaker), ("mix", 4, 2, [1, 3]));
    assert_eq!(corpus.silent, ["silent.wav"]);
    assert_eq!(corpus.sample_rates, BTreeMap::from([(8_000, 1), (16_000, 2), (48_000, 1)]));
    assert_eq!(corpus.channels, BTreeMap::from([(1, 3), (2, 1)]));
    assert!((corpus.duration_s.min - 0.0625).abs() < 1e-9, "the stereo clip is a sixteenth of a second long");
    assert!(corpus.level_db.unwrap().min > -60.0, "silence has no level");
    let [copy] = &statistics.duplicates[..] else { panic!("{:?}", statistics.duplicates) };
    assert_eq!(copy.names, ["a.flac", "b.flac"]);
    assert_eq!((copy.emotions.len(), copy.splits.len()), (2, 2));
    assert_eq!(statistics.problems.len(), 1);
    assert!(statistics.problems[0].contains("broken.wav"));
    let text = statistics.to_string();
    assert!(
        text.contains("same audio: a.flac, b.flac; with different labels: angry, sad; in different splits: test, train"),
        "{text}"
    );
    let svg = statistics.svg().unwrap();
    assert!(
        svg.contains("mix: 4 recordings, 2 speakers")
            && svg.contains("recordings of a speaker")
            && svg.contains("bandwidth, kHz")
    );

    let [json, svg] = ["stats.json", "stats.svg"].map(|name| place.path().join(name).to_string_lossy().into_owned());
    assert_eq!(trainer(&["corpus", "stats", &manifest.to_string_lossy(), "--json", &json, "--svg", &svg]), ExitCode::from(1));
    let json: serde_json::Value = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
    assert_eq!(json["corpora"][0]["classes"]["angry"], 2);
    assert!(fs::metadata(svg).unwrap().len() > 1_000);

    // Only a manifest without splits is accepted without them; invalid splits are reported.
    fs::write(&manifest, "path,speaker,emotion\na.flac,x,angry\n").unwrap();
    assert_eq!(trainer(&["corpus", "stats", &manifest.to_string_lossy()]), ExitCode::SUCCESS);
    fs::write(&manifest, "path,speaker,emotion,split\na.flac,x,angry,train\nb.flac,x,sad,test\n").unwrap();
    assert_eq!(trainer(&["corpus", "stats", &manifest.to_string_lossy()]), ExitCode::from(1));
}
