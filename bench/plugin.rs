//! The plugin's part of `cargo xtask bench --plugin`: the cost of many instances and of an open editor.
//!
//! usage: `plugin instances|static`; prints one JSON object of names and figures. Both load the library that `MOODLINE_CLAP` names; `static` needs Xvfb.

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use clack_extensions::gui::{GuiApiType, GuiConfiguration, GuiSize, PluginGui, Window};
use clack_host::events::io::InputEvents;
use clack_host::prelude::PluginAudioConfiguration;
use moodline_core::Probabilities;
use moodline_engine::State;
use moodline_engine::timeline::{Timeline, Timelines};
use test_support::clap::{self, Player, SavedState, Track};
use test_support::processor::{resident_bytes, time_of_process, time_of_thread};
use test_support::samples::speech;
use test_support::screen::{ParentWindow, Screen};

const RATE_HZ: u32 = 48_000;
const N_INSTANCES: usize = 32;
const N_FRAMES: usize = 512;

/// Longer than the ring, so that every page of it has been written when memory is measured.
const PLAYED: Duration = Duration::from_secs(35);

/// The longest timeline that an editor shows.
const FOUR_HOURS_S: f64 = 4.0 * 3600.0;

type Figures = BTreeMap<&'static str, f64>;

fn main() -> Result<(), Box<dyn Error>> {
    let figures = match env::args().nth(1).as_deref() {
        Some("instances") => instances()?,
        Some("static") => on_a_screen()?,
        Some("static-inside") => editor_at_rest()?,
        _ => return Err("usage: plugin instances|static".into()),
    };
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}

/// Many instances that receive speech while the transport plays, in real time, driven by one thread as in a host.
fn instances() -> Result<Figures, Box<dyn Error>> {
    let entry = clap::load().ok_or("MOODLINE_CLAP names no library")?;
    let speech = speech(RATE_HZ);
    let buffers: Vec<&[f32]> = speech.chunks_exact(N_FRAMES).collect();
    // The first instance creates what all share.
    let mut tracks = vec![Track::new(&entry)];
    let mut players = vec![start(&mut tracks[0])?];
    play(&mut players, &buffers, Duration::from_secs(2));
    let memory_before = resident_bytes();
    for _ in 0..N_INSTANCES {
        let mut track = Track::new(&entry);
        players.push(start(&mut track)?);
        tracks.push(track);
    }
    // This thread copies and checks audio as no host would; the plugin's work in it is measured by the bench of `process`.
    let of_workers = || time_of_process().saturating_sub(time_of_thread());
    let (time_before, start) = (of_workers(), Instant::now());
    play(&mut players, &buffers, PLAYED);
    let load = of_workers().saturating_sub(time_before).div_duration_f64(start.elapsed());
    let memory = resident_bytes().saturating_sub(memory_before);
    for track in &mut tracks {
        let timelines = track.timelines();
        let entries = timelines.host.entries();
        // A figure is only valid if the work was done.
        if entries.len() < 20 || entries.iter().any(|entry| matches!(entry.state, State::Gap(_))) {
            return Err(format!("an instance fell behind: {} entries", entries.len()).into());
        }
    }
    let share = N_INSTANCES as f64 / tracks.len() as f64;
    Ok(Figures::from([
        ("instances_cpu_percent", 100.0 * load * share),
        ("instance_megabytes", memory as f64 / 1e6 / N_INSTANCES as f64),
    ]))
}

/// Activates a track with the native kernel and puts its transport at the start.
fn start(track: &mut Track) -> Result<Player, Box<dyn Error>> {
    const NATIVE: f64 = 2.0;
    track.set(&[("backend", NATIVE)]);
    let config = PluginAudioConfiguration { sample_rate: RATE_HZ.into(), min_frames_count: 1, max_frames_count: N_FRAMES as u32 };
    let processor = track.instance.activate(|_, _| (), config)?.start_processing().map_err(|_| "the plugin does not start")?;
    let mut player = Player::new(processor, RATE_HZ.into(), 2, N_FRAMES);
    player.position = Some(0);
    Ok(player)
}

fn play(players: &mut [Player], buffers: &[&[f32]], duration: Duration) {
    let start = Instant::now();
    let period = Duration::from_secs_f64(N_FRAMES as f64 / f64::from(RATE_HZ));
    for (index, buffer) in (0_u32..).zip(buffers.iter().cycle()) {
        if period * index >= duration {
            return;
        }
        thread::sleep((period * index).saturating_sub(start.elapsed()));
        for player in &mut *players {
            for channel in &mut player.input {
                channel.copy_from_slice(buffer);
            }
            player.process(N_FRAMES, &InputEvents::empty());
        }
    }
}

/// Runs `static-inside` on its own screen.
fn on_a_screen() -> Result<Figures, Box<dyn Error>> {
    let screen = Screen::start().ok_or("there is no Xvfb")?;
    let mut command = Command::new(env::current_exe()?);
    command.arg("static-inside").env("DISPLAY", &screen.display).env("LIBGL_ALWAYS_SOFTWARE", "1");
    let output = command.output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let figures: BTreeMap<String, f64> = serde_json::from_slice(&output.stdout)?;
    let value = figures.get(AT_REST).ok_or("no figure")?;
    Ok(Figures::from([(AT_REST, *value)]))
}

const AT_REST: &str = "editor_at_rest_cpu_percent";

/// The cost of the whole process while an editor shows four hours and nothing happens.
fn editor_at_rest() -> Result<Figures, Box<dyn Error>> {
    let entry = clap::load().ok_or("MOODLINE_CLAP names no library")?;
    let mut track = Track::new(&entry);
    let timeline = four_hours();
    let mut state = SavedState::parse(&track.save());
    let text = Timelines { host: timeline.clone(), stream: timeline }.encode();
    state.0["fields"]["timeline"] = serde_json::to_string(&text)?.into();
    if !track.restore(&state.bytes()) {
        return Err("the plugin refused its state".into());
    }
    let (x11, _) = x11rb::connect(None)?;
    let embedded = GuiConfiguration { api_type: GuiApiType::X11, is_floating: false };
    track.with(|gui: &PluginGui, handle| gui.create(handle, embedded))?;
    let GuiSize { width, height } = track.with(|gui: &PluginGui, handle| gui.get_size(handle)).ok_or("no size")?;
    let window = ParentWindow::open(&x11, (width, height));
    track.with(|gui: &PluginGui, handle| {
        #[allow(unsafe_code, reason = "the window outlives the editor, which is destroyed first")]
        unsafe { gui.set_parent(handle, Window::from_x11_handle(window.id.into())) }?;
        gui.show(handle)
    })?;
    // Long enough for the window to be drawn and the model to be loaded.
    thread::sleep(Duration::from_secs(4));
    let (before, start) = (time_of_process(), Instant::now());
    thread::sleep(Duration::from_secs(10));
    let load = time_of_process().saturating_sub(before).div_duration_f64(start.elapsed());
    track.with(|gui: &PluginGui, handle| gui.destroy(handle));
    Ok(Figures::from([(AT_REST, 100.0 * load)]))
}

/// Speech of changing mood with pauses, at the shortest hop.
fn four_hours() -> Timeline {
    const HOP_S: f64 = 0.25;
    let mut timeline = Timeline::default();
    for index in 0..(FOUR_HOURS_S / HOP_S) as usize {
        let start_s = index as f64 * HOP_S;
        let wave = |period: f64| 2.0 * (start_s / period).sin() as f32;
        let logits = [wave(41.0), wave(29.0), wave(53.0), wave(37.0)];
        let is_pause = (start_s / 17.0).sin() > 0.9;
        let speech = Probabilities::softmax(logits).map_or(State::NoSpeech, State::Speech);
        timeline.insert_segment(start_s, start_s + 5.0, HOP_S, if is_pause { State::NoSpeech } else { speech });
    }
    timeline
}
