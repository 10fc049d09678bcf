//! The property list that macOS requires in every bundle.

/// The project's identifier on macOS; each bundle appends its own last part.
const IDENTIFIER: &str = "org.moodline.moodline";

/// The kind of a bundle.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plugin,
    Application,
}

impl Kind {
    /// The four-letter type code read by Finder.
    fn code(self) -> &'static str {
        match self {
            Self::Plugin => "BNDL",
            Self::Application => "APPL",
        }
    }

    /// The entire contents of `PkgInfo`.
    pub(super) fn package_info(self) -> String {
        format!("{}????", self.code())
    }
}

/// `Info.plist` of the bundle whose program is `executable`; `part` distinguishes the bundles of this project.
///
/// The application states why it needs the microphone, because macOS denies access to programs that do not.
pub(super) fn info(kind: Kind, executable: &str, part: &str, version: &str) -> String {
    let microphone = match kind {
        Kind::Plugin => "",
        Kind::Application => {
            "\t<key>NSMicrophoneUsageDescription</key>\n\t<string>Moodline shows the emotion of the voice it hears. No audio leaves this computer.</string>\n"
        }
    };
    let code = kind.code();
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>CFBundleDevelopmentRegion</key>
	<string>en</string>
	<key>CFBundleExecutable</key>
	<string>{executable}</string>
	<key>CFBundleIdentifier</key>
	<string>{IDENTIFIER}.{part}</string>
	<key>CFBundleInfoDictionaryVersion</key>
	<string>6.0</string>
	<key>CFBundleName</key>
	<string>Moodline</string>
	<key>CFBundlePackageType</key>
	<string>{code}</string>
	<key>CFBundleShortVersionString</key>
	<string>{version}</string>
	<key>CFBundleSignature</key>
	<string>????</string>
	<key>CFBundleVersion</key>
	<string>{version}</string>
	<key>NSHighResolutionCapable</key>
	<true/>
{microphone}</dict>
</plist>
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifier_version_and_executable_are_the_projects() {
        let text = info(Kind::Plugin, "moodline", "vst3", "1.2.3");
        let value = |key: &str| {
            let (_, after) = text.split_once(&format!("<key>{key}</key>\n\t<string>")).unwrap();
            after.split_once('<').unwrap().0
        };
        assert_eq!(value("CFBundleIdentifier"), "org.moodline.moodline.vst3");
        assert_eq!(value("CFBundleVersion"), "1.2.3");
        assert_eq!(value("CFBundleShortVersionString"), "1.2.3");
        assert_eq!(value("CFBundleExecutable"), "moodline");
        assert_eq!(value("CFBundlePackageType"), "BNDL");
        assert_eq!(text.matches("<key>").count(), text.matches("</key>").count());
    }

    #[test]
    fn only_the_application_asks_for_the_microphone() {
        assert!(info(Kind::Application, "a", "standalone", "1").contains("NSMicrophoneUsageDescription"));
        assert!(!info(Kind::Plugin, "a", "clap", "1").contains("NSMicrophoneUsageDescription"));
        assert_eq!(Kind::Application.package_info(), "APPL????");
    }
}
