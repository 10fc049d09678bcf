use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;

const WAV: &[u8] = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0";

/// A folder with `sub/` and a recording `talk.wav`.
fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("sub")).unwrap();
    let talk = folder.path().join("talk.wav");
    fs::write(&talk, WAV).unwrap();
    (folder, talk)
}

/// The same path relative to the current folder.
fn relative(path: &Path) -> PathBuf {
    let up: PathBuf = std::env::current_dir().unwrap().components().skip(1).map(|_| "..").collect();
    up.join(path.strip_prefix("/").unwrap_or(path))
}

fn plan() -> FilePlan {
    FilePlan::new(Replace::UnlessForced)
}

fn refusal(plan: &FilePlan) -> String {
    let sentence = plan.check().unwrap_err().to_string();
    assert!(!sentence.contains('\n'), "{sentence}");
    sentence
}

#[test]
#[cfg(unix)]
fn a_file_is_the_same_however_it_is_spelt() {
    use std::os::unix::fs::symlink;
    let (folder, talk) = place();
    let at = |name: &str| folder.path().join(name);
    symlink("talk.wav", at("link")).unwrap();
    symlink("link", at("link-to-link")).unwrap();
    symlink(&talk, at("sub/absolute-link")).unwrap();
    symlink(".", at("self")).unwrap();
    symlink("sub/..", at("winding")).unwrap();
    fs::hard_link(&talk, at("hard")).unwrap();
    let spellings = [
        "talk.wav",
        "./talk.wav",
        "sub/../talk.wav",
        "sub/.././sub/../talk.wav",
        "link",
        "link-to-link",
        "sub/absolute-link",
        "self/self/talk.wav",
        "winding/talk.wav",
        "absent/../talk.wav",
        "talk.wav/.",
        "talk.wav/../talk.wav",
        "hard",
    ];
    for spelling in spellings.iter().map(|name| at(name)).chain([relative(&talk), relative(&at("link"))]) {
        for (output, input) in [(&spelling, &talk), (&talk, &spelling)] {
            let sentence = refusal(&plan().read([input]).write([output]));
            assert!(sentence.contains("is an input and would be overwritten"), "{sentence}");
            assert!([input, output].iter().all(|path| sentence.contains(&path.display().to_string())), "{sentence}");
            let sentence = refusal(&FilePlan::new(Replace::Forced).read([input]).write([output]));
            assert!(sentence.contains("is an input"), "forced or not: {sentence}");
        }
        let sentence = refusal(&FilePlan::new(Replace::Forced).write([&talk, &spelling]));
        assert!(sentence.contains("would be written twice"), "{sentence}");
    }
    assert!(FilePlan::new(Replace::Forced).read([&talk]).write([at("sub/talk.wav")]).check().is_ok());
}

#[test]
#[cfg(unix)]
fn files_that_are_not_there_yet_are_the_same_however_they_are_spelt() {
    use std::os::unix::fs::symlink;
    let (folder, _) = place();
    let at = |name: &str| folder.path().join(name);
    symlink("new.csv", at("dangling")).unwrap();
    symlink("sub/../dangling", at("sub-dangling")).unwrap();
    symlink(".", at("self")).unwrap();
    let spellings = ["./new.csv", "sub/../new.csv", "dangling", "sub-dangling", "self/new.csv", "no/such/../../new.csv"];
    for spelling in spellings.iter().map(|name| at(name)).chain([relative(&at("new.csv"))]) {
        let sentence = refusal(&plan().write([&at("new.csv"), &spelling]));
        assert!(sentence.contains("would be written twice"), "{}: {sentence}", spelling.display());
    }
    assert!(plan().write(["new.csv", "sub/new.csv", "other/new.csv", "New.csv"].map(at)).check().is_ok());
    symlink("circle", at("circle")).unwrap();
    assert!(plan().write([at("circle")]).check().is_ok(), "nothing is destroyed there");
}

#[test]
fn other_case_is_another_name_only_where_it_is_to_the_system() {
    let (folder, talk) = place();
    let at = |name: &str| folder.path().join(name);
    for (first, second) in [("new.csv", "NEW.csv"), ("results/a.wav.csv", "Results/A.wav.csv"), ("grün.csv", "GRÜN.csv")] {
        let both = plan().read([&talk]).write([at(first), at(second)]);
        assert!(both.check_in(&|_| false).is_ok());
        let sentence = both.check_in(&|_| true).unwrap_err().to_string();
        assert!(
            sentence.contains(first) && sentence.contains(second) && sentence.contains("would be written twice"),
            "{sentence}"
        );
    }
    let nested = plan().write([at("results"), at("Results/a.csv")]);
    assert!(nested.check_in(&|_| false).is_ok());
    assert!(matches!(nested.check_in(&|_| true), Err(Refusal::InFile { .. })));
}

#[test]
#[cfg(target_os = "linux")]
fn whether_case_matters_is_told_from_a_folder_with_and_without_content() {
    let folder = tempfile::tempdir().unwrap();
    assert!(!resolved_path::ignores_case(folder.path()));
    fs::write(folder.path().join("123"), "").unwrap();
    assert!(!resolved_path::ignores_case(folder.path()));
    // Two hard links to one file do not mean that case is ignored.
    fs::write(folder.path().join("name"), "").unwrap();
    fs::hard_link(folder.path().join("name"), folder.path().join("NAME")).unwrap();
    assert!(!resolved_path::ignores_case(folder.path()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "what was tried is gone");
}

#[test]
fn a_file_is_no_folder_and_a_folder_no_file() {
    let (folder, talk) = place();
    let at = |name: &str| folder.path().join(name);
    let sentence = refusal(&plan().write([at("sub")]));
    assert!(sentence.contains("sub: expected the name of a file to write, found a folder"), "{sentence}");
    let sentence = refusal(&plan().write([talk.join("talk.wav.csv")]));
    assert!(sentence.contains("talk.wav.csv would be in") && sentence.contains("which is a file"), "{sentence}");
    let sentence = refusal(&plan().write([at("new"), at("new/deep/a.csv")]));
    assert!(sentence.contains("a.csv would be in"), "{sentence}");
}

#[test]
fn what_nobody_gets_back_is_replaced_only_when_that_is_said() {
    let (folder, talk) = place();
    let sentence = refusal(&plan().write([&talk]));
    assert!(
        sentence.ends_with("is a recording and would be overwritten: choose another name; --force replaces it"),
        "{sentence}"
    );
    assert!(!refusal(&FilePlan::new(Replace::Never).write([&talk])).contains("--force"));
    #[cfg(unix)]
    {
        let (damaged, link) = (folder.path().join("damaged.flac"), folder.path().join("link"));
        fs::write(&damaged, "").unwrap();
        std::os::unix::fs::symlink("damaged.flac", &link).unwrap();
        assert!(refusal(&plan().write([&link])).contains("link is a recording"));
    }
    assert!(FilePlan::new(Replace::Forced).write([&talk]).check().is_ok());
    assert!(plan().write_own([&talk]).check().is_ok());
    let results = folder.path().join("results.csv");
    fs::write(&results, "file,start_s\n").unwrap();
    assert!(plan().write([&results]).check().is_ok());
}

#[test]
#[cfg(target_os = "linux")]
fn devices_take_whatever_comes() {
    let null = Path::new("/dev/null");
    assert!(plan().read([null]).write([null, null]).check().is_ok());
}

#[test]
#[cfg(unix)]
fn a_link_to_nothing_stays_a_link() {
    let (folder, _) = place();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink("sub/../later.csv", &link).unwrap();
    write_atomically(&link, b"results").unwrap();
    assert!(link.is_symlink());
    assert_eq!(fs::read(folder.path().join("later.csv")).unwrap(), b"results");
}

#[test]
fn an_error_names_the_path_of_the_user_and_no_other() {
    let (folder, talk) = place();
    for path in [folder.path().join("absent/results.csv"), talk.join("results.csv"), folder.path().join("long".repeat(200))] {
        assert!(AtomicFile::check(&path).is_err());
        let sentence = write_atomically(&path, b"results").unwrap_err().to_string();
        assert!(sentence.starts_with(&format!("{}: the results cannot be written there: ", path.display())), "{sentence}");
        assert!(!sentence.contains(".moodline-"), "{sentence}");
    }
}

#[test]
fn a_read_only_file_is_not_replaced() {
    let (folder, _) = place();
    let path = folder.path().join("kept.csv");
    fs::write(&path, "kept").unwrap();
    let mut permissions = path.metadata().unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).unwrap();
    let sentence = write_atomically(&path, b"results").unwrap_err().to_string();
    assert!(sentence.ends_with("kept.csv: the results cannot be written there: the file there is read-only"), "{sentence}");
    assert_eq!(fs::read(&path).unwrap(), b"kept");
}

#[test]
#[cfg(unix)]
fn a_file_keeps_who_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, _) = place();
    let path = folder.path().join("shared.csv");
    for mode in [0o600, 0o664, 0o646] {
        fs::write(&path, "before").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        write_atomically(&path, b"after").unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, mode);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "no temporary file stays");
}

#[test]
fn one_file_under_several_names_is_recognised() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("in")).unwrap();
    for name in ["a.wav", "b.wav"] {
        fs::write(folder.path().join(name), name).unwrap();
    }
    fs::hard_link(folder.path().join("a.wav"), folder.path().join("c.wav")).unwrap();
    let paths = ["a.wav", "b.wav", "in/../a.wav", "missing.wav", "c.wav", "missing.wav"].map(|name| folder.path().join(name));
    assert_eq!(repeats(&paths), [None, None, Some(0), None, Some(0), None]);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("not/there.csv");
    let sentence = AtomicFile::check(&path).unwrap_err().to_string();
    assert!(
        sentence.ends_with(&format!(
            "; there is no folder {}: make it first, or choose another",
            folder.path().join("not").display()
        )),
        "{sentence}"
    );
}
