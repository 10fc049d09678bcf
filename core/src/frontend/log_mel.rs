//! From one frame to its mel spectrum in decibels.

use super::decibel;
use super::mel::MelBank;
use super::spectrum::PowerSpectrum;
use crate::config::FrontEndConfig;
use crate::real::Real;

/// Window, FFT, power, mel filters, and decibels, unless a block-wise floor comes first.
///
/// The result is `f64` in either precision: the logarithm and everything after it dominate the error of an `f32` pipeline and are a small
/// part of its time.
#[derive(Clone)]
pub struct LogMel<T: Real> {
    arch: pulp::Arch,
    energies: Energies<T>,
    in_decibels: bool,
    /// `[n_mels]`
    bands: Vec<f64>,
}

/// The stages up to the mel energies, in the precision the configuration needs.
#[derive(Clone)]
enum Energies<T: Real> {
    Native(MelEnergies<T>),
    /// A lifter multiplies coefficients, and with them the rounding errors of the spectrum, by up to `1 + lifter / 2`. In `f32` those of a pure
    /// tone would then exceed the tolerance, so the spectrum is computed in `f64` from the widened frame.
    Wide {
        spectrum: MelEnergies<f64>,
        frame: Vec<f64>,
    },
}

impl<T: Real> LogMel<T> {
    /// Allocates all buffers.
    #[must_use]
    pub fn new(config: &FrontEndConfig) -> Self {
        let energies = match config.lifter {
            0 => Energies::Native(MelEnergies::new(config)),
            _ => Energies::Wide { spectrum: MelEnergies::new(config), frame: vec![0.0; config.n_fft] },
        };
        Self { arch: pulp::Arch::new(), energies, in_decibels: config.floor_db.is_none(), bands: vec![0.0; config.n_mels] }
    }

    /// Number of mel filters.
    #[must_use]
    pub fn n_mels(&self) -> usize {
        self.bands.len()
    }

    /// The mel bands of `frame`, `[n_fft]` samples: their levels in dB or, with [`FrontEndConfig::floor_db`], their powers, `[n_mels]`.
    pub fn of_frame(&mut self, frame: &[T]) -> &[f64] {
        let Self { arch, energies, in_decibels, bands } = self;
        match energies {
            Energies::Native(spectrum) => widen(spectrum.of_frame(frame), bands),
            Energies::Wide { spectrum, frame: wide } => {
                widen(frame, wide);
                bands.copy_from_slice(spectrum.of_frame(wide));
            }
        }
        if *in_decibels {
            arch.dispatch(ToDecibels(bands));
        }
        &self.bands
    }
}

fn widen<T: Real>(from: &[T], to: &mut [f64]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = from.widen();
    }
}

/// Converts powers to levels in place.
pub(super) struct ToDecibels<'a>(pub(super) &'a mut [f64]);

impl pulp::NullaryFnOnce for ToDecibels<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for value in self.0 {
            *value = decibel::of_power(*value);
        }
    }
}

/// From one frame to its mel energies, in one precision.
#[derive(Clone)]
struct MelEnergies<T: Real> {
    spectrum: PowerSpectrum<T>,
    bank: MelBank<T>,
    /// `[n_padded_bins]`
    power: Vec<T>,
    /// `[n_mels]`
    energies: Vec<T>,
}

impl<T: Real> MelEnergies<T> {
    fn new(config: &FrontEndConfig) -> Self {
        let bank = MelBank::new(config);
        Self {
            spectrum: PowerSpectrum::new(config),
            power: vec![T::zero(); bank.n_padded_bins()],
            energies: vec![T::zero(); bank.n_mels()],
            bank,
        }
    }

    fn of_frame(&mut self, frame: &[T]) -> &[T] {
        self.spectrum.of_frame(frame, &mut self.power);
        self.bank.apply(&self.power, &mut self.energies);
        &self.energies
    }
}
