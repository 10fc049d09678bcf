//! The timeline as a picture.
//!
//! In: a results. Out: SVG text or a PNG file in memory. On top a strip with the emotion of each part of the time line in words and, with
//! labels, a strip with the true emotions; below the four probabilities, stacked. Parts without speech are hatched. The colours are Okabe and Ito's,
//! which people with any colour vision can tell apart.

mod canvas;
mod scene;

use std::path::Path;
use std::sync::LazyLock;

use anyhow::anyhow;
use moodline_engine::analysis::AnalysisConfig;
use moodline_engine::export::Results;
use plotters::prelude::{BitMapBackend, IntoDrawingArea as _, SVGBackend};
use plotters::style::{FontStyle, register_font};

use crate::labels::Label;
use canvas::Canvas;

/// Pixels of a PNG a unit of the SVG.
const PNG_SCALE: u32 = 2;

/// The bitmap backend centres the box of a text, which has room for accents above it.
const PNG_TEXT_DROP: f64 = 0.12;

/// A file format of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PictureFormat {
    Svg,
    Png,
}

impl PictureFormat {
    /// The kind a file name asks for.
    ///
    /// # Errors
    /// A sentence when its ending is neither.
    pub(crate) fn of(path: &Path) -> Result<Self, String> {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        [Self::Svg, Self::Png]
            .into_iter()
            .find(|format| extension.as_deref() == Some(format.extension()))
            .ok_or_else(|| format!("--plot expects a file name ending in .svg or .png or a folder, found {}", path.display()))
    }

    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Png => "png",
        }
    }
}

/// Draws the timeline of `results`.
///
/// # Errors
/// Only when the font cannot be loaded.
pub(crate) fn draw(
    format: PictureFormat,
    results: &Results,
    config: &AnalysisConfig,
    labels: Option<&[Label]>,
) -> anyhow::Result<Vec<u8>> {
    static FONT: LazyLock<bool> =
        LazyLock::new(|| register_font("sans-serif", FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT).is_ok());
    if !*FONT {
        return Err(anyhow!("the font for pictures cannot be loaded"));
    }
    let (width, height) = scene::size(labels.is_some());
    match format {
        PictureFormat::Svg => {
            let mut text = String::new();
            let root = SVGBackend::with_string(&mut text, (width, height)).into_drawing_area();
            scene::paint(&Canvas::new(&root, 1, 0.0), results, config, labels)
                .map_err(|error| anyhow!("the picture cannot be drawn: {error}"))?;
            root.present()?;
            drop(root);
            Ok(text.into_bytes())
        }
        PictureFormat::Png => {
            let (width, height) = (PNG_SCALE * width, PNG_SCALE * height);
            let mut pixels = vec![0; 3 * width as usize * height as usize];
            let root = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
            let canvas = Canvas::new(&root, PNG_SCALE, PNG_TEXT_DROP);
            scene::paint(&canvas, results, config, labels).map_err(|error| anyhow!("the picture cannot be drawn: {error}"))?;
            root.present()?;
            drop(root);
            png_of(&pixels, width, height).map_err(|error| anyhow!("the picture cannot be encoded: {error}"))
        }
    }
}

/// The PNG file of `pixels`: red, green and blue, row by row. Made in memory, so that no other folder than the picture's must have room.
fn png_of(pixels: &[u8], width: u32, height: u32) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(pixels)?;
    Ok(file)
}
