//! The timeline as a picture.
//!
//! In: results. Out: SVG text or a PNG file in memory. A row of time has one lane per voice: a strip that names the emotion of each part and, with labels, a
//! strip with the true emotions; below them the four probabilities, stacked as in the editor. A long recording has several rows, and where blocks are too
//! narrow to be distinguished their probabilities are smoothed. Parts without speech are hatched. The colours are Okabe and Ito's, which are distinguishable
//! with any colour vision.

pub(crate) mod bands;
mod canvas;
mod fonts;
mod layout;
mod scene;
#[cfg(test)]
mod tests;

use std::path::Path;

use anyhow::anyhow;
use moodline_engine::analysis::AnalysisConfig;
use moodline_engine::export::Results;
use plotters::prelude::{BitMapBackend, IntoDrawingArea as _, SVGBackend};

use crate::labels::Label;
use canvas::{Canvas, Medium};
use layout::Layout;
pub(crate) use layout::{WIDTH, row_length};
use scene::Scene;

/// Pixels of a PNG per unit of the SVG.
const PNG_SCALE: u32 = 2;

/// Maximum area, units of width times height: a PNG of this size takes half a gigabyte of memory.
const MOST_AREA: u64 = 40_000_000;

/// The size of pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PlotOptions {
    /// Units.
    pub(crate) width: u32,
    /// Time per row, seconds; if `None`, as much as can be read.
    pub(crate) row_s: Option<f64>,
}

/// A file format of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PictureFormat {
    Svg,
    Png,
}

impl PictureFormat {
    /// The format that a file name asks for.
    ///
    /// # Errors
    /// The extension is neither; one sentence.
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
/// The font cannot be loaded, or there is not enough memory for the pixels.
pub(crate) fn draw(
    format: PictureFormat,
    results: &Results,
    config: &AnalysisConfig,
    labels: Option<&[Label]>,
    options: &PlotOptions,
) -> anyhow::Result<Vec<u8>> {
    if !fonts::register_own() {
        return Err(anyhow!("the font for pictures cannot be loaded"));
    }
    let scene = Scene { results, config, labels };
    let layout = Layout::new(results.duration_s, results.voices.len(), labels.is_some(), options);
    let (width, height) = layout.size();
    if u64::from(width) * u64::from(height) > MOST_AREA {
        let n_rows = layout.rows.len();
        return Err(anyhow!("the picture would have {n_rows} rows of {width} units: make rows longer or the picture narrower"));
    }
    match format {
        PictureFormat::Svg => {
            let mut text = String::new();
            let root = SVGBackend::with_string(&mut text, (width, height)).into_drawing_area();
            scene::paint(&Canvas::new(&root, Medium::Vector), scene, &layout)
                .map_err(|error| anyhow!("the picture cannot be drawn: {error}"))?;
            root.present()?;
            drop(root);
            Ok(text.into_bytes())
        }
        PictureFormat::Png => {
            let (width, height) = (PNG_SCALE * width, PNG_SCALE * height);
            let mut pixels = vec![0; 3 * width as usize * height as usize];
            let root = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
            let canvas = Canvas::new(&root, Medium::Bitmap(PNG_SCALE));
            scene::paint(&canvas, scene, &layout).map_err(|error| anyhow!("the picture cannot be drawn: {error}"))?;
            root.present()?;
            drop(root);
            png_of(&pixels, width, height).map_err(|error| anyhow!("the picture cannot be encoded: {error}"))
        }
    }
}

/// The PNG file of `pixels` (RGB, row by row), made in memory so that no temporary folder needs space.
fn png_of(pixels: &[u8], width: u32, height: u32) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(pixels)?;
    Ok(file)
}
