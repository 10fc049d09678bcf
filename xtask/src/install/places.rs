//! The folders in which hosts look for plugins, on each system.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::platform::System;

/// Who can use the plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Only this user.
    User,
    /// All users of this machine; usually needs an administrator.
    System,
}

/// The destinations of the bundle's parts.
#[derive(Debug, PartialEq)]
pub(crate) struct Places {
    pub(crate) clap: PathBuf,
    pub(crate) vst3: PathBuf,
    pub(crate) standalone: PathBuf,
    /// For ONNX Runtime and the licences; the engine looks here.
    pub(crate) data: PathBuf,
}

impl Places {
    /// The standard folders in this environment.
    ///
    /// # Sources
    /// CLAP: `clap/entry.h`. VST3: Steinberg's "Plug-in Locations". Programs and data: the XDG base directory specification, the
    /// Filesystem Hierarchy Standard, Apple's "File System Programming Guide", Microsoft's known folders.
    ///
    /// # Errors
    /// An environment variable that names a folder is missing or relative.
    pub(crate) fn standard(system: System, scope: Scope, variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let folder = |name: &str| {
            // Decided by its first characters, so that every system's rule can be tested on any.
            let is_absolute = |path: &String| match system {
                System::Windows => path.get(1..3).is_some_and(|rest| rest == ":\\" || rest == ":/"),
                System::Linux | System::MacOs => path.starts_with('/'),
            };
            variable(name).filter(is_absolute).map(PathBuf::from)
        };
        let named = |name: &str| folder(name).with_context(|| format!("{name} does not name a folder; set it and try again"));
        let places = |clap: PathBuf, vst3: PathBuf, standalone: PathBuf, data: PathBuf| Self { clap, vst3, standalone, data };
        Ok(match (system, scope) {
            (System::Linux, Scope::User) => {
                let home = named("HOME")?;
                let data = folder("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share"));
                places(home.join(".clap"), home.join(".vst3"), home.join(".local/bin"), data.join("moodline"))
            }
            (System::Linux, Scope::System) => {
                places("/usr/lib/clap".into(), "/usr/lib/vst3".into(), "/usr/local/bin".into(), "/usr/local/lib/moodline".into())
            }
            (System::MacOs, scope) => {
                let (library, applications) = match scope {
                    Scope::User => (named("HOME")?.join("Library"), named("HOME")?.join("Applications")),
                    Scope::System => ("/Library".into(), "/Applications".into()),
                };
                let plugins = library.join("Audio/Plug-Ins");
                places(plugins.join("CLAP"), plugins.join("VST3"), applications, library.join("Application Support/moodline"))
            }
            (System::Windows, Scope::User) => {
                let local = named("LOCALAPPDATA")?;
                let programs = local.join("Programs");
                let common = programs.join("Common");
                places(common.join("CLAP"), common.join("VST3"), programs.join("Moodline"), local.join("moodline"))
            }
            (System::Windows, Scope::System) => {
                let (common, programs) = (named("CommonProgramFiles")?, named("ProgramFiles")?);
                let own = programs.join("Moodline");
                places(common.join("CLAP"), common.join("VST3"), own.clone(), own)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standard(system: System, scope: Scope, variables: &[(&str, &str)]) -> Result<[String; 4]> {
        let variable = |name: &str| variables.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned());
        let Places { clap, vst3, standalone, data } = Places::standard(system, scope, variable)?;
        Ok([clap, vst3, standalone, data].map(|path| path.to_string_lossy().replace('\\', "/")))
    }

    const HOME: (&str, &str) = ("HOME", "/home/user");

    #[test]
    fn linux() {
        let user = ["/home/user/.clap", "/home/user/.vst3", "/home/user/.local/bin", "/home/user/.local/share/moodline"];
        assert_eq!(standard(System::Linux, Scope::User, &[HOME]).unwrap(), user);
        assert_eq!(standard(System::Linux, Scope::User, &[HOME, ("XDG_DATA_HOME", "/data")]).unwrap()[3], "/data/moodline");
        assert_eq!(standard(System::Linux, Scope::User, &[HOME, ("XDG_DATA_HOME", "data")]).unwrap(), user);
        let system = ["/usr/lib/clap", "/usr/lib/vst3", "/usr/local/bin", "/usr/local/lib/moodline"];
        assert_eq!(standard(System::Linux, Scope::System, &[]).unwrap(), system);
    }

    #[test]
    fn macos() {
        let plugins = "/home/user/Library/Audio/Plug-Ins";
        let user = standard(System::MacOs, Scope::User, &[HOME]).unwrap();
        assert_eq!(user[..2], [format!("{plugins}/CLAP"), format!("{plugins}/VST3")]);
        assert_eq!(user[2..], ["/home/user/Applications", "/home/user/Library/Application Support/moodline"]);
        let system = standard(System::MacOs, Scope::System, &[]).unwrap();
        assert_eq!(system[..2], ["/Library/Audio/Plug-Ins/CLAP", "/Library/Audio/Plug-Ins/VST3"]);
        assert_eq!(system[2..], ["/Applications", "/Library/Application Support/moodline"]);
    }

    #[test]
    fn windows() {
        let local = ("LOCALAPPDATA", "D:\\User\\Local");
        let user = standard(System::Windows, Scope::User, &[local]).unwrap();
        assert_eq!(user[..2], ["D:/User/Local/Programs/Common/CLAP", "D:/User/Local/Programs/Common/VST3"]);
        assert_eq!(user[2..], ["D:/User/Local/Programs/Moodline", "D:/User/Local/moodline"]);
        let variables = [("CommonProgramFiles", "C:\\Program Files\\Common Files"), ("ProgramFiles", "C:\\Program Files")];
        let system = standard(System::Windows, Scope::System, &variables).unwrap();
        assert_eq!(system[..2], ["C:/Program Files/Common Files/CLAP", "C:/Program Files/Common Files/VST3"]);
        assert_eq!(system[2..], ["C:/Program Files/Moodline", "C:/Program Files/Moodline"]);
    }

    #[test]
    fn without_a_home_the_missing_variable_is_named() {
        for variables in [&[][..], &[("HOME", "relative")]] {
            let error = standard(System::Linux, Scope::User, variables).unwrap_err().to_string();
            assert_eq!(error, "HOME does not name a folder; set it and try again");
        }
        assert!(standard(System::Windows, Scope::System, &[]).unwrap_err().to_string().starts_with("CommonProgramFiles"));
    }
}
