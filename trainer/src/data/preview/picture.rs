//! A grid of spectrograms: dark is loud, all on the same scale.

use std::error::Error;

use moodline_core::FrontEndConfig;
use moodline_core::frontend::frames::Framer;
use moodline_core::frontend::spectrum::PowerSpectrum;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::Take;
use crate::base::plot::{INK, register_fonts, style};

const PANEL: (u32, u32) = (460, 260);
const N_COLUMNS: usize = 3;
/// Height of a row of text above a panel, px.
const TITLE_ROW: i32 = 16;
const N_TITLE_ROWS: usize = 2;
/// Characters per row of text.
const ROW_LETTERS: usize = 68;
/// From black to white, dB.
const RANGE_DB: f32 = 70.0;
/// Time between the columns of a spectrogram, seconds.
const HOP_SECONDS: f64 = 0.005;
/// Length of its window, seconds: resolves the harmonics of a voice as well as syllables.
const WINDOW_SECONDS: f64 = 0.03;

/// Power in dB, `[columns][bins]`.
struct Spectrogram(Vec<Vec<f32>>);

/// The spectrograms of all takes as a PNG file.
pub(super) fn spectrograms(takes: &[Take], sample_rate: u32) -> Result<Vec<u8>, Box<dyn Error>> {
    register_fonts();
    let spectrograms: Vec<Spectrogram> = takes.iter().map(|take| Spectrogram::of(&take.samples, sample_rate)).collect();
    let loudest = spectrograms.iter().map(Spectrogram::loudest).fold(f32::MIN, f32::max);
    let longest = takes.iter().map(|take| take.samples.len()).max().unwrap_or(0).max(1) as f64 / f64::from(sample_rate);
    let n_columns = N_COLUMNS.min(takes.len().max(1));
    let n_rows = takes.len().div_ceil(n_columns).max(1);
    let (width, height) = (PANEL.0 * n_columns as u32, PANEL.1 * n_rows as u32);
    let mut pixels = vec![0; (width * height * 3) as usize];
    {
        let root = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        root.fill(&WHITE)?;
        for ((area, take), spectrogram) in root.split_evenly((n_rows, n_columns)).iter().zip(takes).zip(&spectrograms) {
            let seconds = take.samples.len() as f64 / f64::from(sample_rate);
            panel(area, &take.title, spectrogram, [seconds, longest], f64::from(sample_rate) / 2.0, loudest)?;
        }
        root.present()?;
    }
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(file)
}

/// One spectrogram of length `seconds` on a time axis of length `longest`, up to `nyquist` Hz.
fn panel(
    area: &DrawingArea<BitMapBackend<'_>, Shift>,
    title: &str,
    spectrogram: &Spectrogram,
    [seconds, longest]: [f64; 2],
    nyquist: f64,
    loudest: f32,
) -> Result<(), Box<dyn Error>> {
    let (head, body) = area.split_vertically(TITLE_ROW * N_TITLE_ROWS as i32 + 8);
    for (row, text) in rows_of(title).iter().enumerate() {
        head.draw_text(text, &style(13.0, &INK, HPos::Left), (12, 14 + TITLE_ROW * row as i32))?;
    }
    let mut chart = ChartBuilder::on(&body)
        .margin_left(14)
        .margin_right(14)
        .x_label_area_size(36)
        .y_label_area_size(52)
        .build_cartesian_2d(0.0..longest, 0.0..nyquist)?;
    let (x, y) = chart.plotting_area().get_pixel_range();
    let (width, height) = ((f64::from(x.end - x.start) * seconds / longest) as u32, (y.end - y.start) as u32);
    if width > 0 && height > 0 {
        let image = spectrogram.pixels(width, height, loudest);
        if let Some(image) = BitMapElement::with_owned_buffer((0.0, nyquist), (width, height), image) {
            chart.draw_series(std::iter::once(image))?;
        }
    }
    chart
        .configure_mesh()
        .disable_mesh()
        .x_labels(6)
        .y_labels(5)
        .x_desc("time, s")
        .y_desc("frequency, Hz")
        .y_label_formatter(&|hz| format!("{hz:.0}"))
        .x_label_formatter(&|seconds| format!("{seconds:.1}"))
        .label_style(style(12.0, &INK, HPos::Left))
        .draw()?;
    Ok(())
}

/// `title` in rows that fit a panel; text that is too long ends in an ellipsis.
fn rows_of(title: &str) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for word in title.split(' ') {
        let n_rows = rows.len();
        match rows.last_mut() {
            Some(row) if row.chars().count() + 1 + word.chars().count() <= ROW_LETTERS => *row += &format!(" {word}"),
            Some(row) if n_rows == N_TITLE_ROWS => {
                *row += " …";
                break;
            }
            _ => rows.push(word.to_owned()),
        }
    }
    rows
}

impl Spectrogram {
    fn of(samples: &[f32], sample_rate: u32) -> Self {
        let length = |seconds: f64| (seconds * f64::from(sample_rate)).round().max(1.0) as usize;
        let win_length = length(WINDOW_SECONDS);
        let config = FrontEndConfig {
            sample_rate,
            win_length,
            n_fft: win_length.next_power_of_two(),
            hop_length: length(HOP_SECONDS),
            center: true,
            ..FrontEndConfig::speech_25_10()
        };
        let (mut spectrum, mut frames) = (PowerSpectrum::<f32>::new(&config), Framer::<f32>::new(&config, config.n_fft));
        let mut power = vec![0.0; spectrum.n_bins()];
        let mut columns = Vec::new();
        let mut add = |frame: &[f32]| {
            spectrum.of_frame(frame, &mut power);
            columns.push(power.iter().map(|power| 10.0 * power.max(1e-12).log10()).collect());
        };
        frames.push(samples, &mut add);
        frames.finish(&mut add);
        Self(columns)
    }

    fn loudest(&self) -> f32 {
        self.0.iter().flatten().copied().fold(f32::MIN, f32::max)
    }

    /// RGB, row by row from the top.
    fn pixels(&self, width: u32, height: u32, loudest: f32) -> Vec<u8> {
        let place = |at: u32, of: u32, n: usize| (at as usize * n / of as usize).min(n.saturating_sub(1));
        let mut pixels = Vec::with_capacity((width * height * 3) as usize);
        for y in 0..height {
            for x in 0..width {
                let level = self
                    .0
                    .get(place(x, width, self.0.len()))
                    .map_or(f32::MIN, |bins| bins[place(height - 1 - y, height, bins.len())]);
                let grey = (255.0 * ((loudest - level) / RANGE_DB).clamp(0.0, 1.0)) as u8;
                pixels.extend([grey; 3]);
            }
        }
        pixels
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::augment::signals::{RATE, sum_of_tones};

    #[test]
    fn a_tone_is_a_dark_line_at_its_height() {
        let spectrogram = Spectrogram::of(&sum_of_tones(&[2000.0], 1.0), RATE as u32);
        let (width, height) = (50, 80);
        let pixels = spectrogram.pixels(width, height, spectrogram.loudest());
        let grey = |x: u32, y: u32| pixels[((y * width + x) * 3) as usize];
        // On an axis up to 8 kHz, 2 kHz is a quarter of the height above the bottom.
        assert!((58..=61).any(|y| grey(25, y) < 20));
        assert!((0..50).chain(70..80).all(|y| grey(25, y) > 200));
    }

    #[test]
    fn long_titles_are_broken_and_then_cut() {
        assert_eq!(rows_of("original"), ["original"]);
        let rows = rows_of(&"word ".repeat(60));
        assert_eq!(rows.len(), N_TITLE_ROWS);
        assert!(rows.iter().all(|row| row.chars().count() <= ROW_LETTERS + 2) && rows[1].ends_with('…'), "{rows:?}");
    }

    #[test]
    fn sounds_without_a_sample_are_drawn_as_nothing() {
        let take = |samples: Vec<f32>| Take { file: String::new(), title: "empty".to_owned(), samples };
        assert!(spectrograms(&[take(Vec::new()), take(vec![0.0]), take(vec![0.0; 400])], 16_000).unwrap().len() > 1000);
        assert!(!spectrograms(&[], 16_000).unwrap().is_empty());
    }
}
