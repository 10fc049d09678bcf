//! A microphone of the system, through cpal.

use std::any::Any;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::thread;

use cpal::traits::{DeviceTrait as _, HostTrait as _, StreamTrait as _};
use cpal::{Device, ErrorKind, FromSample, Host, Sample as _, SampleFormat, SizedSample, Stream, StreamConfig};

use super::feed::{Feed, Heard, Layout};

/// A microphone, by its name or the system's default.
pub(super) struct Microphone {
    name: Option<String>,
}

impl Microphone {
    pub(super) const fn new(name: Option<String>) -> Self {
        Self { name }
    }

    fn find(&self) -> Result<Device, String> {
        keep_quiet();
        let host = cpal::default_host();
        match &self.name {
            None => host.default_input_device().ok_or_else(|| "the system has no microphone".to_owned()),
            Some(name) => devices(&host)
                .find(|device| name_of(device).is_some_and(|found| found == *name))
                .ok_or_else(|| format!("the system has no microphone \"{name}\"; --list-devices names those there are")),
        }
    }
}

/// ALSA's library prints lines to standard error for every missing device; on this thread they go to a buffer.
#[cfg(target_os = "linux")]
fn keep_quiet() {
    // If this fails, the lines are printed.
    let _ = alsa::Output::local_error_handler();
}

#[cfg(not(target_os = "linux"))]
const fn keep_quiet() {}

/// The names of the microphones, as the devices describe themselves.
pub(super) fn names() -> Vec<String> {
    keep_quiet();
    devices(&cpal::default_host()).filter_map(|device| name_of(&device)).collect()
}

fn devices(host: &Host) -> impl Iterator<Item = Device> {
    host.input_devices().into_iter().flatten()
}

fn name_of(device: &Device) -> Option<String> {
    Some(device.description().ok()?.name().to_owned())
}

impl Feed for Microphone {
    fn open(&mut self, sender: SyncSender<Heard>) -> Result<Box<dyn Any>, String> {
        let device = self.find()?;
        let name = name_of(&device).unwrap_or_else(|| "the microphone".to_owned());
        let refused = |error: cpal::Error| format!("{name} cannot be opened: {error}");
        let supported = device.default_input_config().map_err(refused)?;
        let (format, config) = (supported.sample_format(), supported.config());
        let layout = Layout { sample_rate: config.sample_rate, n_channels: usize::from(config.channels) };
        let build = match format {
            SampleFormat::I8 => stream::<i8>,
            SampleFormat::I16 => stream::<i16>,
            SampleFormat::I32 => stream::<i32>,
            SampleFormat::U8 => stream::<u8>,
            SampleFormat::U16 => stream::<u16>,
            SampleFormat::F32 => stream::<f32>,
            other => return Err(format!("{name} cannot be opened: it has samples of the kind {other}, which is not read")),
        };
        let stream = build(&device, config, sender.clone()).map_err(refused)?;
        // Samples start with `play`. If the receiver of this message is gone, it receives no samples either.
        let _ = sender.send(Heard::Opened { name: name.clone(), layout });
        if let Err(error) = stream.play() {
            let reason = refused(error);
            let _ = sender.send(Heard::Gone(reason.clone()));
            return Err(reason);
        }
        Ok(Box::new(stream))
    }
}

/// A stream of samples of type `T`. The callback never waits: samples that do not fit in the queue are counted.
fn stream<T>(device: &Device, config: StreamConfig, sender: SyncSender<Heard>) -> Result<Stream, cpal::Error>
where
    T: SizedSample,
    f32: FromSample<T>,
{
    let n_channels = u64::from(config.channels);
    let errors = sender.clone();
    let mut n_missed = 0;
    let hear = move |samples: &[T], _: &cpal::InputCallbackInfo| {
        if n_missed > 0 && sender.try_send(Heard::Missed { n_frames: n_missed }).is_ok() {
            n_missed = 0;
        }
        let finite = |sample: f32| if sample.is_finite() { sample } else { 0.0 };
        let heard = samples.iter().map(|&sample| finite(f32::from_sample(sample))).collect();
        if n_missed > 0 || matches!(sender.try_send(Heard::Samples(heard)), Err(TrySendError::Full(_))) {
            n_missed += samples.len() as u64 / n_channels;
        }
    };
    let mut gone = false;
    let fail = move |error: cpal::Error| {
        // After these errors the stream continues, from another device chosen by the system, or with a gap that cpal cannot measure.
        let goes_on = matches!(error.kind(), ErrorKind::DeviceChanged | ErrorKind::Xrun | ErrorKind::RealtimeDenied);
        if !goes_on && !std::mem::replace(&mut gone, true) {
            let errors = errors.clone();
            // Dropping the stream joins this thread, so it must not block on a full queue.
            thread::spawn(move || errors.send(Heard::Gone(error.to_string())));
        }
    };
    device.build_input_stream(config, hear, fail, None)
}
