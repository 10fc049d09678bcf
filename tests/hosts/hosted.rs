//! The plugin in hosts of both formats: a test is written once and runs in each.

mod bounce;
mod clap;
mod ending;
mod instances;
#[cfg(target_os = "linux")]
mod models;
mod playing;
pub(crate) mod reference;
mod render;
mod rules;
#[cfg(target_os = "linux")]
mod syscalls;
#[cfg(target_os = "linux")]
mod vst3;
#[cfg(target_os = "linux")]
mod windows;

/// Defines a test for each format, named after it, that runs the function `$test` in a host.
macro_rules! in_both_hosts {
    ($($test:ident),+ $(,)?) => {
        $(mod $test {
            #[test]
            fn clap() {
                super::$test::<crate::hosted::clap::Clap>();
            }

            #[test]
            #[cfg(target_os = "linux")]
            fn vst3() {
                super::$test::<crate::hosted::vst3::Vst3>();
            }
        })+
    };
}
pub(crate) use in_both_hosts;
