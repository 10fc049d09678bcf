//! A virtual screen, and its contents.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{ConnectionExt as _, CreateWindowAux, ImageFormat, MapState, WindowClass};
use x11rb::rust_connection::RustConnection;

use crate::skip::skip;

/// A separate X server; dropping this ends it.
pub struct Screen {
    server: Child,
    /// The value for `DISPLAY`.
    pub display: String,
}

impl Screen {
    /// A screen of 1280 x 800 pixels, or `None` after reporting that the test is skipped.
    pub fn start() -> Option<Self> {
        // The server itself picks a free number and reports it when it accepts connections.
        let arguments =
            ["-displayfd", "1", "-screen", "0", "1280x800x24", "-dpi", "96", "+extension", "GLX", "-nolisten", "tcp", "-noreset"];
        let mut command = Command::new("Xvfb");
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let Ok(mut server) = command.spawn() else {
            skip("Xvfb", "it is not installed; `cargo xtask setup` installs it on Debian and Ubuntu");
            return None;
        };
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
        let screen = Self { server, display: format!(":{}", number.trim()) };
        assert!(!number.trim().is_empty(), "Xvfb did not start");
        // Moves the pointer away from windows, which open at the top left and would show hover effects.
        let x11 = screen.connect();
        x11.warp_pointer(x11rb::NONE, x11.setup().roots[0].root, 0, 0, 0, 0, 1279, 799).unwrap().check().unwrap();
        Some(screen)
    }

    /// A client connection to it.
    pub fn connect(&self) -> RustConnection {
        x11rb::connect(Some(&self.display)).unwrap().0
    }

    /// The largest visible window, if any.
    pub fn window(&self, x11: &RustConnection) -> Option<u32> {
        let root = x11.setup().roots[0].root;
        let children = x11.query_tree(root).ok()?.reply().ok()?.children;
        // A window may disappear while it is examined.
        let area = |window: u32| {
            let attributes = x11.get_window_attributes(window).ok()?.reply().ok()?;
            let geometry = x11.get_geometry(window).ok()?.reply().ok()?;
            (attributes.map_state == MapState::VIEWABLE).then(|| u32::from(geometry.width) * u32::from(geometry.height))
        };
        children.into_iter().filter_map(|window| Some((area(window)?, window))).max().map(|(_, window)| window)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A host's window, in which an editor opens; dropping this closes it.
pub struct ParentWindow<'a> {
    x11: &'a RustConnection,
    /// Its X11 id.
    pub id: u32,
}

impl<'a> ParentWindow<'a> {
    /// A white window of `width` x `height` pixels.
    pub fn open(x11: &'a RustConnection, (width, height): (u32, u32)) -> Self {
        let (screen, id) = (&x11.setup().roots[0], x11.generate_id().unwrap());
        let (class, look) = (WindowClass::INPUT_OUTPUT, CreateWindowAux::new().background_pixel(screen.white_pixel));
        x11.create_window(0, id, screen.root, 10, 10, width as u16, height as u16, 0, class, 0, &look).unwrap();
        x11.map_window(id).unwrap();
        sync(x11);
        Self { x11, id }
    }

    /// Whether something is drawn in it: more colours than a background, a frame and their blends.
    pub fn shows_something(&self) -> bool {
        const N_OF_NOTHING: usize = 8;
        let mut found = Vec::new();
        let picture = Picture::of(self.x11, self.id).expect("the window is there");
        for run in picture.pixels.chunk_by(|a, b| a == b) {
            if !found.contains(&run[0]) {
                found.push(run[0]);
            }
            if found.len() > N_OF_NOTHING {
                return true;
            }
        }
        false
    }
}

impl Drop for ParentWindow<'_> {
    fn drop(&mut self) {
        self.x11.destroy_window(self.id).unwrap();
        sync(self.x11);
    }
}

/// Waits until the server has processed all requests.
fn sync(x11: &RustConnection) {
    x11.get_input_focus().unwrap().reply().unwrap();
}

/// The contents of a window, row by row.
#[derive(Clone, PartialEq)]
pub struct Picture {
    /// Number of pixels per row.
    pub width: u32,
    /// Number of rows.
    pub height: u32,
    /// Red, green and blue of each pixel.
    pub pixels: Vec<[u8; 3]>,
}

impl Picture {
    /// The current contents of `window`; `None` if it does not exist.
    pub fn of(x11: &RustConnection, window: u32) -> Option<Self> {
        let size = x11.get_geometry(window).ok()?.reply().ok()?;
        let image = x11.get_image(ImageFormat::Z_PIXMAP, window, 0, 0, size.width, size.height, !0).ok()?.reply().ok()?;
        // Blue, green, red, unused: the order of a 24-bit screen on a little-endian machine.
        let pixels = image.data.chunks_exact(4).map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect();
        Some(Self { width: size.width.into(), height: size.height.into(), pixels })
    }

    /// Reads a PNG file with 8 bits per channel and no transparency.
    pub fn read(path: &Path) -> Self {
        let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut reader = png::Decoder::new(BufReader::new(file)).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size()];
        let info = reader.next_frame(&mut bytes).unwrap();
        assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Rgb, png::BitDepth::Eight));
        let pixels = bytes.chunks_exact(3).map(|pixel| pixel.try_into().unwrap()).collect();
        Self { width: info.width, height: info.height, pixels }
    }

    /// Writes a PNG file.
    pub fn write(&self, path: &Path) {
        let mut encoder = png::Encoder::new(BufWriter::new(File::create(path).unwrap()), self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_compression(png::Compression::Best);
        encoder.write_header().unwrap().write_image_data(self.pixels.as_flattened()).unwrap();
    }

    /// Whether the other picture has the same size.
    pub fn has_size_of(&self, other: &Self) -> bool {
        (self.width, self.height) == (other.width, other.height)
    }

    /// The fraction of pixels, 0 to 1, in which this picture visibly differs from another of the same size.
    pub fn difference(&self, other: &Self) -> f64 {
        /// Difference of a channel, of 255, that antialiasing or another graphics driver may cause.
        const SLACK: u8 = 40;
        assert!(self.has_size_of(other), "{} x {}, not {} x {}", self.width, self.height, other.width, other.height);
        let pairs = self.pixels.iter().zip(&other.pixels);
        let differing = pairs.filter(|(a, b)| a.iter().zip(*b).any(|(a, b)| a.abs_diff(*b) > SLACK)).count();
        differing as f64 / self.pixels.len() as f64
    }

    /// The most frequent colour.
    pub fn background(&self) -> [u8; 3] {
        self.colours().into_iter().max_by_key(|(_, count)| *count).unwrap().0
    }

    /// The number of pixels of each colour.
    pub fn colours(&self) -> BTreeMap<[u8; 3], usize> {
        let mut colours = BTreeMap::new();
        for run in self.pixels.chunk_by(|a, b| a == b) {
            *colours.entry(run[0]).or_default() += run.len();
        }
        colours
    }
}
