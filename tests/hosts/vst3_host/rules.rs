//! What VST3 requires of a plugin, and its answers to invalid requests.

use std::sync::Arc;

use test_support::hosts;
use test_support::own_process::in_own_process;
use vst3::ComWrapper;
use vst3::Steinberg::Vst::ParameterInfo_::ParameterFlags_::kIsBypass;
use vst3::Steinberg::Vst::SpeakerArr::{
    k30Cine, k40Cine, k40Music, k50, k50_4, k51, k51_4, k61Cine, k61Music, k70Cine, k70Music, k71_2, k71_4, k71_6, k71Cine,
    k71Music, k90_4, k91_4, k91_6, k91_6_W, kAmbi1stOrderACN, kAmbi2cdOrderACN, kAmbi3rdOrderACN, kAmbi4thOrderACN, kEmpty,
    kMono, kStereo,
};
use vst3::Steinberg::Vst::SpeakerArrangement;
use vst3::Steinberg::{kInvalidArgument, kResultFalse, kResultOk};

use super::module::{Module, load};
use super::objects::Stream;
use super::track::{INPUT, OUTPUT, Plugin, Track};
use crate::host::bus::Bus;
use crate::host::{HostedPlayer as _, HostedTrack as _, MAX_CHANNELS, Mode};
use crate::hosted::reference::MONO;

/// Arrangements of at most [`MAX_CHANNELS`] speakers, several for most numbers.
const ARRANGEMENTS: [SpeakerArrangement; 26] = [
    kMono,
    kStereo,
    k30Cine,
    k40Cine,
    k40Music,
    kAmbi1stOrderACN,
    k50,
    k51,
    k61Cine,
    k61Music,
    k70Cine,
    k70Music,
    k71Cine,
    k71Music,
    k50_4,
    kAmbi2cdOrderACN,
    k51_4,
    k71_2,
    k71_4,
    k90_4,
    k71_6,
    k91_4,
    k91_6,
    k91_6_W,
    kAmbi3rdOrderACN,
    kStereo,
];

#[test]
fn the_library_says_what_it_is() {
    let Some(module) = load() else { return };
    let classes = module.classes();
    let [class] = &classes[..] else { panic!("{} classes", classes.len()) };
    let text = |bytes: &[i8]| -> String { bytes.iter().take_while(|&&byte| byte != 0).map(|&byte| byte as u8 as char).collect() };
    assert_eq!(text(&class.category), "Audio Module Class");
    assert_eq!(text(&class.name), "Moodline");
    assert_eq!(text(&class.subCategories), "Fx|Analyzer");
    assert_eq!(text(&class.version), env!("CARGO_PKG_VERSION"));
    assert_eq!(class.cid.map(|byte| byte as u8), *b"MoodlineAnalyser");
}

#[test]
fn the_library_goes_and_comes_again() {
    const NAME: &str = "vst3_host::rules::the_library_goes_and_comes_again";
    let Some(bundle) = hosts::vst3() else { return };
    if !in_own_process(NAME, &[]) {
        return;
    }
    for round in 0..20 {
        let module = Arc::new(Module::open(&bundle));
        let mut tracks: Vec<_> = (0..round % 3).map(|_| Track::new(&module)).collect();
        for track in &mut tracks {
            track.play(&MONO, |player| player.play(&[0.1; 512]));
        }
    }
}

#[track_caller]
fn assert_arranged(plugin: &Plugin, input: SpeakerArrangement, output: SpeakerArrangement) {
    assert_eq!((plugin.arrangement(INPUT), plugin.arrangement(OUTPUT)), (input, output));
    let count = |arrangement: SpeakerArrangement| arrangement.count_ones() as i32;
    assert_eq!((plugin.n_channels(INPUT), plugin.n_channels(OUTPUT)), (count(input), count(output)));
}

#[test]
fn an_arrangement_is_read_back_as_it_was_accepted() {
    let Some(module) = load() else { return };
    let mut track = Track::new(&module);
    assert_arranged(&track.plugin, kStereo, kStereo);
    for arrangement in ARRANGEMENTS {
        assert_eq!(track.plugin.arrange(arrangement, arrangement), kResultOk, "{arrangement:#x}");
        assert_arranged(&track.plugin, arrangement, arrangement);
        assert_eq!(track.plugin.set_up(Mode::Realtime, 48e3, 64), kResultOk);
        assert_eq!(track.plugin.set_active(true), kResultOk, "{arrangement:#x}");
        let channels = vec![Some(vec![0.5; 64]); arrangement.count_ones() as usize];
        let (mut input, mut output) = (Bus::Channels(channels.clone()), Bus::Channels(vec![Some(vec![0.0; 64]); channels.len()]));
        assert_eq!(track.process_bent(&mut input, &mut output, 64), kResultOk);
        let Bus::Channels(made) = output else { unreachable!("it was made above") };
        assert!(made == channels, "{arrangement:#x}: the audio passes");
        assert_eq!(track.plugin.set_active(false), kResultOk);
        assert_arranged(&track.plugin, arrangement, arrangement);
    }
}

#[test]
fn what_is_refused_leaves_the_arrangement_as_it_was() {
    let Some(module) = load() else { return };
    let track = Track::new(&module);
    assert_eq!(track.plugin.arrange(k71_4, k71_4), kResultOk);
    for (input, output) in [(kAmbi4thOrderACN, kAmbi4thOrderACN), (kEmpty, kEmpty), (u64::MAX, u64::MAX), (k51, k71Cine)] {
        assert_eq!(track.plugin.arrange(input, output), kResultFalse, "{input:#x}, {output:#x}");
        assert_arranged(&track.plugin, k71_4, k71_4);
    }
}

#[test]
fn other_sides_are_refused_or_read_back() {
    let Some(module) = load() else { return };
    let track = Track::new(&module);
    for input in ARRANGEMENTS {
        for output in ARRANGEMENTS {
            let before = (track.plugin.arrangement(INPUT), track.plugin.arrangement(OUTPUT));
            let (input, output) = if track.plugin.arrange(input, output) == kResultOk { (input, output) } else { before };
            assert_arranged(&track.plugin, input, output);
        }
    }
    assert!(ARRANGEMENTS.iter().all(|arrangement| arrangement.count_ones() as usize <= MAX_CHANNELS));
}

#[test]
fn the_controller_shows_what_it_was_told_while_audio_runs() {
    let Some(module) = load() else { return };
    let mut track = Track::new(&module);
    let plugin = track.plugin.clone();
    let infos = (0..plugin.n_parameters()).map(|index| plugin.parameter(index).expect("it has that many"));
    let bypass = infos.into_iter().find(|info| info.flags & kIsBypass != 0).expect("it can be bypassed").id;
    track.play(&MONO, |player| {
        for (told, nearest) in [(1.0, 1.0), (0.0, 0.0), (0.7, 1.0)] {
            assert_eq!(plugin.set(bypass, told), kResultOk);
            assert_eq!(plugin.value(bypass), nearest);
            player.play(&[0.1; 512]);
        }
        let saved = plugin.save();
        assert_eq!(plugin.set(bypass, 1.0), kResultOk);
        assert_eq!(plugin.restore(&saved), kResultOk);
        assert_eq!(plugin.value(bypass), 0.0, "what was announced was never sent");
        assert_eq!(plugin.set(bypass + 1, 1.0), kInvalidArgument);
        assert_eq!(plugin.set(bypass, f64::NAN), kInvalidArgument);
    });
}

#[test]
fn a_stream_that_takes_too_little_makes_saving_fail() {
    let Some(module) = load() else { return };
    let plugin = &Track::new(&module).plugin.clone();
    let n_bytes = plugin.save().len();
    for room in [0, 1, 100, n_bytes - 1] {
        let stream = ComWrapper::new(Stream::with_room(room));
        assert_ne!(plugin.save_to(&stream), kResultOk, "room for {room} of {n_bytes} bytes");
    }
    let exact = ComWrapper::new(Stream::with_room(n_bytes));
    assert_eq!(plugin.save_to(&exact), kResultOk);
    assert_eq!(exact.bytes().len(), n_bytes);
}

#[test]
fn a_parameter_beyond_the_last_is_an_invalid_argument() {
    const NAME: &str = "vst3_host::rules::a_parameter_beyond_the_last_is_an_invalid_argument";
    let Some(module) = load() else { return };
    if !in_own_process(NAME, &[]) {
        return;
    }
    let plugin = &Track::new(&module).plugin.clone();
    let n = plugin.n_parameters();
    for index in [n, n + 1, -1, i32::MAX, i32::MIN] {
        assert_eq!(plugin.parameter(index).err(), Some(kInvalidArgument), "{index} of {n}");
    }
}

#[test]
fn audio_before_activation_is_an_error_after_a_set_up_too() {
    const NAME: &str = "vst3_host::rules::audio_before_activation_is_an_error_after_a_set_up_too";
    let Some(module) = load() else { return };
    if !in_own_process(NAME, &[]) {
        return;
    }
    let mut track = Track::new(&module);
    let made = || Bus::Channels(vec![Some(vec![0.5; 64]); 2]);
    let (mut input, mut output) = (made(), made());
    assert_eq!(track.plugin.set_active(true), kResultFalse, "nothing was set up");
    assert_eq!(track.plugin.set_up(Mode::Realtime, 48e3, 64), kResultOk);
    assert_ne!(track.process_bent(&mut input, &mut output, 64), kResultOk);
    assert_eq!(track.plugin.set_active(true), kResultOk);
    assert_eq!(track.process_bent(&mut input, &mut output, 64), kResultOk, "a host need not say that it starts");
}
