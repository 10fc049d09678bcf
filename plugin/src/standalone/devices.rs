//! The sound system, device and sample rate of the standalone.
//!
//! The framework's wrapper opens the devices, but it connects a microphone only if told its exact name, and assumes that a JACK server has the rate it was
//! told. So this module determines both first and passes them on.

use cpal::SupportedBufferSize;
use cpal::SupportedStreamConfigRange;
use cpal::traits::{DeviceTrait, HostTrait};
use jack::{Client, ClientOptions, PortFlags};

use super::arguments::{Arguments, BackendArgument, SYSTEM};
use super::tell;

/// The wrapper's name for JACK, where anything may be connected to the input.
pub(super) const JACK: &str = "jack";

/// Rate without a device or a file, Hz.
const DEFAULT_RATE: u32 = 48_000;

/// The settings passed to the wrapper.
#[derive(Debug)]
pub(super) struct Device {
    /// The wrapper's name of the backend.
    pub(super) backend: &'static str,
    /// Hz.
    pub(super) sample_rate: u32,
    /// Number of input and output channels.
    pub(super) n_channels: usize,
    /// The option that names the microphone, and its name.
    pub(super) microphone: Option<(&'static str, String)>,
}

/// The properties of the file that affect the choice of a device.
#[derive(Clone, Copy, Debug)]
pub(super) struct FileFormat {
    /// Hz.
    pub(super) sample_rate: u32,
    /// Number of channels in which it is played.
    pub(super) n_channels: usize,
}

/// Chooses the device for `arguments`, with the previously used microphone `kept` unless they name one; a `file` needs no microphone.
///
/// # Errors
/// The requested device is not available; one sentence.
pub(super) fn choose(arguments: &Arguments, file: Option<FileFormat>, kept: Option<&str>) -> Result<Device, String> {
    match arguments.backend {
        BackendArgument::Jack => jack(arguments, file),
        BackendArgument::System => system(arguments, file, kept),
        BackendArgument::Dummy => Ok(dummy(arguments, file)),
        BackendArgument::Auto => jack(arguments, file).or_else(|_| system(arguments, file, kept)).or_else(|reason| {
            if arguments.input_device.is_some() {
                return Err(reason);
            }
            tell(format_args!("no sound, because {reason}"));
            Ok(dummy(arguments, file))
        }),
    }
}

fn dummy(arguments: &Arguments, file: Option<FileFormat>) -> Device {
    let sample_rate = arguments.sample_rate.or(file.map(|file| file.sample_rate)).unwrap_or(DEFAULT_RATE);
    Device { backend: "dummy", sample_rate, n_channels: file.map_or(2, |file| file.n_channels), microphone: None }
}

fn jack(arguments: &Arguments, file: Option<FileFormat>) -> Result<Device, String> {
    let (client, _) = Client::new("moodline-probe", ClientOptions::NO_START_SERVER)
        .map_err(|error| format!("no JACK server answers ({error}); start one or choose another --backend"))?;
    let mut ports = match &arguments.input_device {
        Some(names) => names.split(',').map(str::to_owned).collect(),
        None => client.ports(Some("^system:capture_"), None, PortFlags::IS_OUTPUT),
    };
    ports.truncate(2);
    Ok(Device {
        backend: JACK,
        sample_rate: client.sample_rate(),
        n_channels: file.map_or(2, |file| file.n_channels),
        microphone: (file.is_none() && !ports.is_empty()).then(|| ("--connect-jack-inputs", ports.join(","))),
    })
}

fn system(arguments: &Arguments, file: Option<FileFormat>, kept: Option<&str>) -> Result<Device, String> {
    let host = cpal::default_host();
    let output = host.default_output_device().ok_or(format!("{SYSTEM} has no output device to keep time by"))?;
    let unusable = |error: cpal::Error| format!("{SYSTEM}'s output device cannot be used ({error})");
    let sample_rate = match arguments.sample_rate {
        Some(sample_rate) => sample_rate,
        None => output.default_output_config().map_err(unusable)?.sample_rate(),
    };
    let fits = |config: &SupportedStreamConfigRange| fits(config, sample_rate, arguments.period);
    if !output.supported_output_configs().map_err(unusable)?.any(|config| fits(&config)) {
        return Err(format!("{SYSTEM}'s output device cannot do {sample_rate} Hz with {} frames a buffer", arguments.period));
    }
    if let Some(FileFormat { n_channels, .. }) = file {
        return Ok(Device { backend: SYSTEM, sample_rate, n_channels, microphone: None });
    }
    let usable = |name: &str| n_channels_of(&host, name, fits, sample_rate, arguments.period);
    if let (None, Some(name)) = (&arguments.input_device, kept) {
        match usable(name) {
            Ok(n_channels) => return Ok(of_microphone(sample_rate, n_channels, name.to_owned())),
            Err(reason) => tell(format_args!("the microphone of the last start is not used: {reason}")),
        }
    }
    let Some(name) = arguments.input_device.clone().or_else(|| default_microphone(&host)) else {
        tell(format_args!("{SYSTEM} has no microphone, so the input is silent"));
        return Ok(Device { backend: SYSTEM, sample_rate, n_channels: 2, microphone: None });
    };
    let n_channels = usable(&name)?;
    Ok(of_microphone(sample_rate, n_channels, name))
}

fn of_microphone(sample_rate: u32, n_channels: usize, name: String) -> Device {
    Device { backend: SYSTEM, sample_rate, n_channels, microphone: Some(("--input-device", name)) }
}

/// Number of channels used for the microphone `name`; the error is a sentence.
fn n_channels_of(
    host: &cpal::Host,
    name: &str,
    fits: impl Fn(&SupportedStreamConfigRange) -> bool,
    sample_rate: u32,
    period: u32,
) -> Result<usize, String> {
    let device = find_microphone(host, name)
        .ok_or_else(|| format!("{SYSTEM} has no microphone \"{name}\"; --list-devices names those there are"))?;
    let configs: Vec<_> = device
        .supported_input_configs()
        .map_err(|error| format!("the microphone \"{name}\" cannot be used ({error})"))?
        .filter(fits)
        .collect();
    // The wrapper requires exactly as many channels as the plugin has.
    [2, 1].into_iter().find(|&n_channels| configs.iter().any(|config| usize::from(config.channels()) == n_channels)).ok_or_else(
        || format!("the microphone \"{name}\" cannot do {sample_rate} Hz in mono or stereo with {period} frames a buffer"),
    )
}

fn fits(config: &SupportedStreamConfigRange, sample_rate: u32, period: u32) -> bool {
    let rates = config.min_sample_rate()..=config.max_sample_rate();
    match config.buffer_size() {
        SupportedBufferSize::Range { min, max } => rates.contains(&sample_rate) && (min..=max).contains(&&period),
        SupportedBufferSize::Unknown => false,
    }
}

/// The wrapper identifies devices by their descriptions; the first match is used.
fn find_microphone(host: &cpal::Host, name: &str) -> Option<cpal::Device> {
    host.input_devices().ok()?.find(|device| device.description().is_ok_and(|description| description.name() == name))
}

fn default_microphone(host: &cpal::Host) -> Option<String> {
    let id = host.default_input_device()?.id().ok()?;
    let device = host.input_devices().ok()?.find(|device| device.id().is_ok_and(|other| other == id))?;
    Some(device.description().ok()?.name().to_owned())
}

/// Names of the microphones that `--input-device` accepts.
pub(super) fn microphones() -> Vec<String> {
    let mut names = Vec::new();
    if let Ok((client, _)) = Client::new("moodline-probe", ClientOptions::NO_START_SERVER) {
        names.extend(client.ports(None, Some("audio"), PortFlags::IS_OUTPUT).into_iter().map(|port| format!("{port} (jack)")));
    }
    names.extend(choices().into_iter().map(|name| format!("{name} ({SYSTEM})")));
    names
}

/// Names of the system's microphones.
pub(super) fn choices() -> Vec<String> {
    let devices = cpal::default_host().input_devices();
    let name = |device: cpal::Device| Some(device.description().ok()?.name().to_owned());
    devices.map_or_else(|_| Vec::new(), |devices| devices.filter_map(name).collect())
}
