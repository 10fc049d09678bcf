//! The editor in a host's window, on a separate display.

use std::thread;
use std::time::Duration;

use clack_extensions::gui::{GuiApiType, GuiConfiguration, GuiSize, PluginGui, Window};
use clack_host::prelude::{HostHandlers, HostInfo, PluginInstance};
use test_support::clap::{MainThread, Shared, Track, load};
use test_support::own_process::on_a_screen;
use test_support::screen::ParentWindow;
use test_support::waiting;

const EMBEDDED: GuiConfiguration<'_> = GuiConfiguration { api_type: GuiApiType::X11, is_floating: false };

/// Sizes, used in turn: the first, the smallest, wide, tall, and large.
const SIZES: [(u32, u32); 5] = [(760, 460), (480, 300), (1200, 320), (500, 700), (1180, 690)];

/// A host that declares no support for editors.
struct Bare;

impl HostHandlers for Bare {
    type Shared<'a> = Shared;
    type MainThread<'a> = MainThread;
    type AudioProcessor<'a> = ();
}

#[test]
#[cfg(target_os = "linux")]
fn a_host_without_the_extension_may_ask_for_an_editor() {
    const NAME: &str = "clap_host::editor::a_host_without_the_extension_may_ask_for_an_editor";
    let Some(entry) = load() else { return };
    if !on_a_screen(NAME) {
        return;
    }
    let info = HostInfo::new("moodline-tests", "Moodline", "", "0.1.0").unwrap();
    let id = c"org.moodline.moodline";
    let instance = PluginInstance::<Bare>::new(|()| Shared::default(), |_| MainThread, &entry, id, &info);
    let mut instance = instance.unwrap();
    for _ in 0..3 {
        let handle = instance.plugin_handle();
        let gui = handle.get_extension::<PluginGui>().unwrap();
        // It may open one or refuse.
        if gui.create(&handle, EMBEDDED).is_ok() {
            gui.destroy(&handle);
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_editor_opens_resizes_and_closes_twenty_times() {
    const NAME: &str = "clap_host::editor::the_editor_opens_resizes_and_closes_twenty_times";
    let Some(entry) = load() else { return };
    if !on_a_screen(NAME) {
        return;
    }
    let mut track = Track::new(&entry);
    let (x11, _) = x11rb::connect(None).unwrap();
    let mut opened_first = None;
    for round in 0..20 {
        track.with(|gui: &PluginGui, handle| {
            assert!(gui.is_api_supported(handle, EMBEDDED));
            gui.create(handle, EMBEDDED).unwrap();
            assert!(gui.can_resize(handle));
        });
        let size = track.with(|gui: &PluginGui, handle| gui.get_size(handle)).unwrap();
        let first = *opened_first.get_or_insert(size);
        assert_eq!((first.width, first.height), (760, 460));
        let window = ParentWindow::open(&x11, (size.width, size.height));
        track.with(|gui: &PluginGui, handle| {
            #[allow(unsafe_code, reason = "the window outlives the editor, which is destroyed first")]
            unsafe { gui.set_parent(handle, Window::from_x11_handle(window.id.into())) }.unwrap();
            gui.show(handle).unwrap();
        });
        // In every other round, audio starts and stops while the editor is open.
        if round % 2 == 1 {
            track.play(48e3, 2, 512, |player| {
                player.position = Some(0);
                player.play(&vec![0.1; 6 * 48_000]);
            });
        }
        for (width, height) in SIZES {
            let size = GuiSize { width, height };
            track.with(|gui: &PluginGui, handle| gui.set_size(handle, size)).unwrap();
            let has_it = |track: &mut Track| track.with(|gui: &PluginGui, handle| gui.get_size(handle)) == Some(size);
            assert!(comes_true(&mut track, has_it), "round {round}: not {width} x {height}");
        }
        assert!(comes_true(&mut track, |_| window.shows_something()), "round {round}: nothing is drawn");
        track.with(|gui: &PluginGui, handle| gui.destroy(handle));
        drop(window);
        // Back to the first size for the next round.
        track.with(|gui: &PluginGui, handle| {
            gui.create(handle, EMBEDDED).unwrap();
            let _ = gui.set_size(handle, first);
            gui.destroy(handle);
        });
    }
}

#[test]
#[cfg(target_os = "linux")]
fn an_editor_that_is_shown_long_after_it_was_made_is_drawn() {
    const NAME: &str = "clap_host::editor::an_editor_that_is_shown_long_after_it_was_made_is_drawn";
    /// Longer than the window takes to poll for news the first time, which nothing signals.
    const LONG: Duration = Duration::from_millis(300);
    let Some(entry) = load() else { return };
    if !on_a_screen(NAME) {
        return;
    }
    let mut track = Track::new(&entry);
    let (x11, _) = x11rb::connect(None).unwrap();
    let window = ParentWindow::open(&x11, SIZES[0]);
    track.with(|gui: &PluginGui, handle| gui.create(handle, EMBEDDED).unwrap());
    thread::sleep(LONG);
    track.with(|gui: &PluginGui, handle| {
        #[allow(unsafe_code, reason = "the window outlives the editor, which is destroyed first")]
        unsafe { gui.set_parent(handle, Window::from_x11_handle(window.id.into())) }.unwrap();
    });
    thread::sleep(LONG);
    track.with(|gui: &PluginGui, handle| gui.show(handle).unwrap());
    assert!(comes_true(&mut track, |_| window.shows_something()), "nothing is drawn");
    track.with(|gui: &PluginGui, handle| gui.destroy(handle));
}

/// Runs the plugin's main-thread callbacks until a condition is true; returns whether it became true.
fn comes_true(track: &mut Track, condition: impl Fn(&mut Track) -> bool) -> bool {
    waiting::comes_true(|| {
        track.run_main_thread();
        condition(track)
    })
}
