//! The location of each file in a bundle, for each system.

use std::path::PathBuf;

use super::moduleinfo;
use super::plist::{self, Kind};
use crate::platform::{Platform, System};

/// Name of the library crate, and of each plugin's file or folder without its extension.
pub(super) const LIBRARY: &str = "moodline";

/// Name of the standalone; `moodline` is the command.
pub(crate) const STANDALONE: &str = "moodline-standalone";

/// A file in a bundle.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    /// The plugin library built by cargo.
    Plugin,
    /// The standalone built by cargo.
    Standalone,
    /// ONNX Runtime's library, if available.
    OnnxRuntime,
    /// This text.
    Text(String),
}

/// The top-level names of the items that a user moves about; each is a file or a folder.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Names {
    pub(crate) clap: String,
    pub(crate) vst3: String,
    pub(crate) standalone: String,
    pub(crate) onnxruntime: String,
}

/// The items of the bundle on this platform.
pub(crate) fn names(platform: Platform) -> Names {
    Names {
        clap: format!("{LIBRARY}.clap"),
        vst3: format!("{LIBRARY}.vst3"),
        standalone: match platform.system {
            System::MacOs => "Moodline.app".to_owned(),
            System::Linux | System::Windows => platform.program(STANDALONE),
        },
        onnxruntime: platform.library("onnxruntime"),
    }
}

/// The binaries of the CLAP, the VST3 and the standalone, in this order.
pub(crate) fn binaries(platform: Platform) -> Vec<PathBuf> {
    let built = |(path, part): (PathBuf, Part)| matches!(part, Part::Plugin | Part::Standalone).then_some(path);
    files(platform, "").into_iter().filter_map(built).collect()
}

/// Every file of the bundle of `version`, by its path in the bundle's folder.
///
/// ONNX Runtime is placed where the engine looks first: in the folder of the loaded library or program, or in `Frameworks` next to that folder.
pub(super) fn files(platform: Platform, version: &str) -> Vec<(PathBuf, Part)> {
    let names = names(platform);
    let (folder, binary) = platform.vst3_binary(LIBRARY);
    let vst3 = PathBuf::from(&names.vst3).join("Contents");
    let module_info = (vst3.join("Resources").join("moduleinfo.json"), Part::Text(moduleinfo::text(version)));
    if platform.system == System::MacOs {
        return [
            mac_bundle(&names.clap, Part::Plugin, Kind::Plugin, LIBRARY, "clap", version),
            mac_bundle(&names.vst3, Part::Plugin, Kind::Plugin, LIBRARY, "vst3", version),
            mac_bundle(&names.standalone, Part::Standalone, Kind::Application, STANDALONE, "standalone", version),
            vec![module_info],
        ]
        .concat();
    }
    vec![
        (names.clap.into(), Part::Plugin),
        (vst3.join(&folder).join(binary), Part::Plugin),
        (vst3.join(&folder).join(&names.onnxruntime), Part::OnnxRuntime),
        module_info,
        (names.standalone.into(), Part::Standalone),
        (names.onnxruntime.into(), Part::OnnxRuntime),
    ]
}

fn mac_bundle(name: &str, binary: Part, kind: Kind, executable: &str, part: &str, version: &str) -> Vec<(PathBuf, Part)> {
    let contents = PathBuf::from(name).join("Contents");
    vec![
        (contents.join("MacOS").join(executable), binary),
        (contents.join("Frameworks").join("libonnxruntime.dylib"), Part::OnnxRuntime),
        (contents.join("Info.plist"), Part::Text(plist::info(kind, executable, part, version))),
        (contents.join("PkgInfo"), Part::Text(kind.package_info())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::tests::{LINUX, MACOS, WINDOWS};

    fn paths(platform: Platform) -> Vec<String> {
        let paths = files(platform, "1.2.3").into_iter();
        paths.map(|(path, _)| path.to_string_lossy().replace('\\', "/")).collect()
    }

    #[test]
    fn linux_and_windows_have_a_clap_file_and_a_vst3_folder() {
        let linux = [
            "moodline.clap",
            "moodline.vst3/Contents/x86_64-linux/moodline.so",
            "moodline.vst3/Contents/x86_64-linux/libonnxruntime.so",
            "moodline.vst3/Contents/Resources/moduleinfo.json",
            "moodline-standalone",
            "libonnxruntime.so",
        ];
        assert_eq!(paths(LINUX), linux);
        let windows = [
            "moodline.clap",
            "moodline.vst3/Contents/x86_64-win/moodline.vst3",
            "moodline.vst3/Contents/x86_64-win/onnxruntime.dll",
            "moodline.vst3/Contents/Resources/moduleinfo.json",
            "moodline-standalone.exe",
            "onnxruntime.dll",
        ];
        assert_eq!(paths(WINDOWS), windows);
    }

    #[test]
    fn on_macos_everything_is_a_bundle_with_its_property_list() {
        let paths = paths(MACOS);
        for bundle in ["moodline.clap", "moodline.vst3", "Moodline.app"] {
            for file in ["Info.plist", "PkgInfo", "Frameworks/libonnxruntime.dylib"] {
                assert!(paths.contains(&format!("{bundle}/Contents/{file}")), "{bundle} lacks {file}");
            }
        }
        for binary in ["moodline.clap/Contents/MacOS/moodline", "Moodline.app/Contents/MacOS/moodline-standalone"] {
            assert!(paths.contains(&binary.to_owned()), "{binary}");
        }
        let (_, plist) = files(MACOS, "1.2.3").into_iter().find(|(path, _)| path.ends_with("Info.plist")).unwrap();
        assert!(matches!(plist, Part::Text(text) if text.contains("<string>1.2.3</string>")));
    }

    #[test]
    fn each_format_has_one_binary() {
        let names =
            |platform| binaries(platform).iter().map(|path| path.to_string_lossy().replace('\\', "/")).collect::<Vec<_>>();
        assert_eq!(names(LINUX), ["moodline.clap", "moodline.vst3/Contents/x86_64-linux/moodline.so", "moodline-standalone"]);
        let macos = ["moodline.clap/Contents/MacOS/moodline", "moodline.vst3/Contents/MacOS/moodline"];
        assert_eq!(names(MACOS)[..2], macos);
        assert_eq!(names(WINDOWS).len(), 3);
    }

    #[test]
    fn every_file_lies_under_one_of_the_names() {
        for platform in [LINUX, MACOS, WINDOWS] {
            let names = names(platform);
            for (path, _) in files(platform, "1") {
                let top = path.iter().next().unwrap().to_string_lossy().into_owned();
                assert!([&names.clap, &names.vst3, &names.standalone, &names.onnxruntime].contains(&&top), "{top}");
            }
        }
    }
}
