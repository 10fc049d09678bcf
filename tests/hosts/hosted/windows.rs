//! Editors of any size, opened and closed in any order, on a separate display.

use std::fs;

use test_support::own_process::on_a_screen;
use test_support::screen::ParentWindow;
use test_support::waiting;
use x11rb::rust_connection::RustConnection;

use super::in_both_hosts;
use crate::host::{Host, HostedWindow};

in_both_hosts!(
    every_size_is_fitting_or_is_refused,
    a_thousand_editors_come_and_go_at_once,
    five_hundred_openings_leave_nothing_behind,
);

const PARENT: (u32, u32) = (1200, 760);

const SCALES: [f64; 6] = [0.5, 1.0, 1.25, 2.0, 3.0, 4.0];

/// Empty, nearly empty, long and narrow, usual, and larger than a screen.
const SIZES: [(u32, u32); 12] = [
    (1, 1),
    (30, 30),
    (36, 36),
    (8192, 1),
    (1, 8192),
    (300, 480),
    (480, 300),
    (760, 460),
    (1180, 690),
    (4000, 300),
    (8192, 8192),
    (2, 2),
];

/// Runs the test `name` of the format on a separate screen in a separate process.
fn with_a_screen<H: Host>(name: &str, run: impl FnOnce(&H, &RustConnection)) {
    let Some(host) = H::load() else { return };
    if on_a_screen(&format!("hosted::windows::{name}::{}", H::FORMAT)) {
        run(&host, &x11rb::connect(None).unwrap().0);
    }
}

/// Runs the host's event loop until a condition is true; returns whether it became true.
fn comes_true<T: HostedWindow>(track: &mut T, mut condition: impl FnMut(&mut T) -> bool) -> bool {
    waiting::comes_true(|| {
        track.idle();
        condition(track)
    })
}

/// Waits until the editor draws something in `window`.
#[track_caller]
fn wait_for_a_picture(track: &mut impl HostedWindow, window: &ParentWindow<'_>) {
    assert!(comes_true(track, |_| window.shows_something()), "nothing is drawn in the window");
}

/// Whether the editor accepts its current size as fitting.
fn fits(track: &mut impl HostedWindow) -> bool {
    let (width, height) = track.size();
    track.fitting(width, height) == Some((width, height))
}

/// Requests a size, which may be refused, and the fitting one, which may not.
fn try_size(track: &mut impl HostedWindow, (width, height): (u32, u32), scale: f64) {
    let at = format!("{width} x {height} at scale {scale}");
    let taken = track.resize(width, height);
    assert!(comes_true(track, fits), "{at}: taken: {taken}, now {:?}", track.size());
    let (fitting_width, fitting_height) = track.fitting(width, height).unwrap_or_else(|| panic!("{at}: nothing fits"));
    let again = track.fitting(fitting_width, fitting_height);
    assert_eq!(again, Some((fitting_width, fitting_height)), "{at}: what fits must fit");
    assert!(track.resize(fitting_width, fitting_height), "{at}: {fitting_width} x {fitting_height} fits and is refused");
    let has_it = |track: &mut _| HostedWindow::size(track) == (fitting_width, fitting_height);
    assert!(comes_true(track, has_it), "{at}: {:?}, not {fitting_width} x {fitting_height}", track.size());
}

fn every_size_is_fitting_or_is_refused<H: Host>() {
    with_a_screen("every_size_is_fitting_or_is_refused", |host: &H, x11| {
        let window = ParentWindow::open(x11, PARENT);
        for scale in SCALES {
            let mut track = host.track();
            assert!(track.open(window.id));
            assert!(track.can_resize());
            track.scale(scale);
            for size in SIZES {
                try_size(&mut track, size, scale);
            }
            let (width, height) = track.fitting(760, 460).unwrap();
            assert!(track.resize(width, height));
            wait_for_a_picture(&mut track, &window);
            track.close();
        }
    });
}

fn a_thousand_editors_come_and_go_at_once<H: Host>() {
    with_a_screen("a_thousand_editors_come_and_go_at_once", |host: &H, x11| {
        let window = ParentWindow::open(x11, PARENT);
        let mut track = host.track();
        for _ in 0..500 {
            track.create_and_destroy();
            assert!(track.open(window.id));
            track.close();
        }
        assert!(track.open(window.id));
        wait_for_a_picture(&mut track, &window);
        track.close();
    });
}

/// Open descriptors and running threads of a process.
#[derive(Debug, PartialEq)]
struct Held {
    descriptors: usize,
    threads: usize,
    registered: usize,
}

impl Held {
    fn now(track: &impl HostedWindow) -> Self {
        let count = |folder: &str| fs::read_dir(folder).unwrap().count();
        Self { descriptors: count("/proc/self/fd"), threads: count("/proc/self/task"), registered: track.n_registered() }
    }
}

fn five_hundred_openings_leave_nothing_behind<H: Host>() {
    with_a_screen("five_hundred_openings_leave_nothing_behind", |host: &H, x11| {
        let window = ParentWindow::open(x11, PARENT);
        let mut track = host.track();
        let open_and_close = |track: &mut H::Track, index: usize| {
            assert!(track.open(window.id));
            assert!(comes_true(track, |track| track.fitting(760, 460).is_some()));
            if index.is_multiple_of(25) {
                wait_for_a_picture(track, &window);
            }
            track.close();
            track.idle();
        };
        // The first openings load and start things that remain.
        (0..3).for_each(|_| open_and_close(&mut track, 0));
        let before = Held::now(&track);
        (0..500).for_each(|index| open_and_close(&mut track, index));
        // The window's thread may end slightly after being told to.
        assert!(comes_true(&mut track, |track| Held::now(track) == before), "{:?}, {before:?} before", Held::now(&track));
        println!("{}: {before:?} before and after 500 openings", H::FORMAT);
    });
}
