//! The editor in a host's window, on a display of its own.

use std::env;
use std::thread;
use std::time::{Duration, Instant};

use clack_extensions::gui::{GuiApiType, GuiConfiguration, GuiSize, PluginGui, Window};
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{ConnectionExt as _, CreateWindowAux, WindowClass};
use x11rb::rust_connection::RustConnection;

use super::host::{Track, in_own_process, library, load};
use crate::screen::{Picture, Screen};

const EMBEDDED: GuiConfiguration<'_> = GuiConfiguration { api_type: GuiApiType::X11, is_floating: false };

/// Sizes in turn: the first, the smallest, wide, tall, and large.
const SIZES: [(u32, u32); 5] = [(760, 460), (480, 300), (1200, 320), (500, 700), (1180, 690)];

/// A host's window on the display.
struct HostWindow<'a> {
    x11: &'a RustConnection,
    id: u32,
}

impl<'a> HostWindow<'a> {
    fn open(x11: &'a RustConnection, screen: usize, size: GuiSize) -> Self {
        let (screen, id) = (&x11.setup().roots[screen], x11.generate_id().unwrap());
        let (width, height) = (size.width as u16, size.height as u16);
        let look = CreateWindowAux::new().background_pixel(screen.white_pixel);
        x11.create_window(0, id, screen.root, 10, 10, width, height, 0, WindowClass::INPUT_OUTPUT, 0, &look).unwrap();
        x11.map_window(id).unwrap();
        x11.sync();
        Self { x11, id }
    }

    /// Number of different pixel values in what is shown.
    fn n_colours(&self) -> usize {
        Picture::of(self.x11, self.id).unwrap().colours().len()
    }
}

impl Drop for HostWindow<'_> {
    fn drop(&mut self) {
        self.x11.destroy_window(self.id).unwrap();
        self.x11.sync();
    }
}

trait Sync {
    /// Waits until the server has done what it was told.
    fn sync(&self);
}

impl Sync for RustConnection {
    fn sync(&self) {
        self.get_input_focus().unwrap().reply().unwrap();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_editor_opens_resizes_and_closes_twenty_times() {
    const NAME: &str = "clap_host::editor::the_editor_opens_resizes_and_closes_twenty_times";
    if env::var_os("MOODLINE_TEST_DISPLAY").is_none() {
        if library().is_none() {
            return;
        }
        let Some(screen) = Screen::start() else { return };
        in_own_process(NAME, &[("DISPLAY", &screen.display), ("MOODLINE_TEST_DISPLAY", "1")]);
        return;
    }
    let entry = load().unwrap();
    let mut track = Track::new(&entry);
    let (x11, screen) = x11rb::connect(None).unwrap();
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
        let window = HostWindow::open(&x11, screen, size);
        track.with(|gui: &PluginGui, handle| {
            #[allow(unsafe_code, reason = "the window outlives the editor, which is destroyed first")]
            unsafe { gui.set_parent(handle, Window::from_x11_handle(window.id.into())) }.unwrap();
            gui.show(handle).unwrap();
        });
        // Audio starts and ends under the open editor every other time.
        if round % 2 == 1 {
            track.play(48e3, 2, 512, |player| {
                player.position = Some(0);
                player.play(&vec![0.1; 6 * 48_000]);
            });
        }
        for (width, height) in SIZES {
            let size = GuiSize { width, height };
            track.with(|gui: &PluginGui, handle| gui.set_size(handle, size)).unwrap();
            thread::sleep(Duration::from_millis(60));
        }
        let is_drawn = wait_until(Duration::from_secs(10), || window.n_colours() > 8);
        assert!(is_drawn, "round {round}: {} colours", window.n_colours());
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

fn wait_until(at_most: Duration, condition: impl Fn() -> bool) -> bool {
    let started = Instant::now();
    while !condition() {
        if started.elapsed() > at_most {
            return false;
        }
        thread::sleep(Duration::from_millis(50));
    }
    true
}
