//! One frame to its mel spectrum in decibels.

use super::decibel;
use super::mel::MelBank;
use super::spectrum::PowerSpectrum;
use crate::config::FrontEndConfig;
use crate::real::Real;

/// Window, FFT, power, mel filters, decibels.
///
/// The result is `f64` in either precision: the logarithm and everything behind it decide the error of an `f32` pipeline and are a small
/// part of its time.
#[derive(Clone)]
pub struct LogMel<T: Real> {
    arch: pulp::Arch,
    energies: Energies<T>,
    /// `[n_mels]`
    decibels: Vec<f64>,
}

/// Up to the mel energies in the precision the configuration needs.
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
        Self { arch: pulp::Arch::new(), energies, decibels: vec![0.0; config.n_mels] }
    }

    /// Number of mel filters.
    #[must_use]
    pub fn n_mels(&self) -> usize {
        self.decibels.len()
    }

    /// Level of every mel band of `frame`, `[n_fft]` samples, in dB, `[n_mels]`.
    pub fn of_frame(&mut self, frame: &[T]) -> &[f64] {
        let Self { arch, energies, decibels } = self;
        match energies {
            Energies::Native(spectrum) => arch.dispatch(ToDecibels { energies: spectrum.of_frame(frame), decibels }),
            Energies::Wide { spectrum, frame: wide } => {
                for (wide, sample) in wide.iter_mut().zip(frame) {
                    *wide = sample.widen();
                }
                arch.dispatch(ToDecibels { energies: spectrum.of_frame(wide), decibels });
            }
        }
        &self.decibels
    }
}

/// Writes the level of every energy.
struct ToDecibels<'a, T> {
    energies: &'a [T],
    decibels: &'a mut [f64],
}

impl<T: Real> pulp::NullaryFnOnce for ToDecibels<'_, T> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (level, energy) in self.decibels.iter_mut().zip(self.energies) {
            *level = decibel::of_power(energy.widen());
        }
    }
}

/// One frame to its mel energies in one precision.
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
