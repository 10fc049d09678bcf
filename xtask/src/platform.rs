//! The supported systems, and their names for a library, a program and a plugin.
//!
//! Pure functions of the platform, so that tests on one system cover the layouts of all.

use std::env::consts;

/// A kind of operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum System {
    Linux,
    MacOs,
    Windows,
}

/// The target platform: the system and the processor, the latter as spelt in `std::env::consts::ARCH`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Platform {
    pub(crate) system: System,
    pub(crate) processor: &'static str,
}

impl Platform {
    /// The platform this program runs on. Every Unix other than macOS keeps its plugins where Linux does.
    pub(crate) fn this() -> Self {
        let system = match consts::OS {
            "macos" => System::MacOs,
            "windows" => System::Windows,
            _ => System::Linux,
        };
        Self { system, processor: consts::ARCH }
    }

    /// Cargo's file name for the library crate `name`.
    pub(crate) fn library(self, name: &str) -> String {
        match self.system {
            System::Linux => format!("lib{name}.so"),
            System::MacOs => format!("lib{name}.dylib"),
            System::Windows => format!("{name}.dll"),
        }
    }

    /// Cargo's file name for the program `name`.
    pub(crate) fn program(self, name: &str) -> String {
        match self.system {
            System::Linux | System::MacOs => name.to_owned(),
            System::Windows => format!("{name}.exe"),
        }
    }

    /// The folder and the file of the VST3 binary `name` in `Contents`, following Steinberg's "Plug-in Format Structure".
    pub(crate) fn vst3_binary(self, name: &str) -> (String, String) {
        let processor = self.processor;
        match self.system {
            System::Linux => (format!("{processor}-linux"), format!("{name}.so")),
            System::MacOs => ("MacOS".to_owned(), name.to_owned()),
            System::Windows => {
                let processor = if processor == "aarch64" { "arm64" } else { processor };
                (format!("{processor}-win"), format!("{name}.vst3"))
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const LINUX: Platform = Platform { system: System::Linux, processor: "x86_64" };
    pub(crate) const MACOS: Platform = Platform { system: System::MacOs, processor: "aarch64" };
    pub(crate) const WINDOWS: Platform = Platform { system: System::Windows, processor: "x86_64" };

    #[test]
    fn each_system_has_its_own_names() {
        assert_eq!([LINUX, MACOS, WINDOWS].map(|it| it.library("a")), ["liba.so", "liba.dylib", "a.dll"]);
        assert_eq!([LINUX, MACOS, WINDOWS].map(|it| it.program("a")), ["a", "a", "a.exe"]);
        let vst3 = |platform: Platform| {
            let (folder, file) = platform.vst3_binary("a");
            format!("{folder}/{file}")
        };
        assert_eq!([LINUX, MACOS, WINDOWS].map(vst3), ["x86_64-linux/a.so", "MacOS/a", "x86_64-win/a.vst3"]);
        assert_eq!(vst3(Platform { processor: "aarch64", ..WINDOWS }), "arm64-win/a.vst3");
    }

    #[test]
    fn this_platform_is_named_as_cargo_names_it() {
        assert_eq!(Platform::this().program("a"), format!("a{}", consts::EXE_SUFFIX));
        assert_eq!(Platform::this().library("a"), format!("{}a{}", consts::DLL_PREFIX, consts::DLL_SUFFIX));
    }
}
