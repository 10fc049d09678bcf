//! Sigmoidal synapses from some senders to all units: the flow through them, and its gradients.

use moodline_core::Real;
use moodline_core::network::{sigmoid as slope_of_softplus, softplus};

use super::super::super::lanes::{Lanes, sigmoid};
use super::super::{LayerGradients, LayerTensors};

/// Drive and conductance of units: `C dv/dt = drive - conductance v`. `[rows]` each.
#[derive(Clone, Debug)]
pub(super) struct Flow<T> {
    pub(super) drive: Vec<Lanes<T>>,
    pub(super) conductance: Vec<Lanes<T>>,
}

impl<T: Real> Flow<T> {
    pub(super) fn zeros(rows: usize) -> Self {
        Self { drive: vec![Lanes::zero(); rows], conductance: vec![Lanes::zero(); rows] }
    }

    #[inline(always)]
    pub(super) fn copy_from(&mut self, other: &Self) {
        self.drive.copy_from_slice(&other.drive);
        self.conductance.copy_from_slice(&other.conductance);
    }

    pub(super) fn clear(&mut self) {
        self.drive.fill(Lanes::zero());
        self.conductance.fill(Lanes::zero());
    }
}

/// `w sigmoid(sigma (x - mu))` is a conductance towards `erev`.
#[derive(Clone, Copy, Debug)]
struct Synapse<T> {
    /// Non-negative; 0 where a wiring has no synapse.
    w: T,
    sigma: T,
    mu: T,
    erev: T,
}

impl<T: Real> Synapse<T> {
    #[inline(always)]
    fn open(&self, value: Lanes<T>) -> Lanes<T> {
        value.map(|value| sigmoid(self.sigma * (value - self.mu)))
    }
}

/// All synapses of one kind.
#[derive(Debug)]
pub(super) struct Synapses<T> {
    /// Prefix of the names of the tensors.
    prefix: &'static str,
    units: usize,
    /// `[senders][units]`
    synapses: Vec<Synapse<T>>,
    /// Derivatives of the softplus that gives `w`, `[senders][units]`.
    w_slopes: Vec<f64>,
}

impl<T: Real> Synapses<T> {
    pub(super) fn new(parameters: LayerTensors<'_, T>, prefix: &'static str) -> Self {
        let [w, sigma, mu, erev] = ["w", "sigma", "mu", "erev"].map(|name| parameters.matrix(&format!("{prefix}{name}")));
        let others = sigma.iter().zip(mu).zip(erev);
        let synapses = w.iter().zip(others).map(|(w, ((sigma, mu), erev))| Synapse {
            w: T::of(softplus(w.widen())),
            sigma: *sigma,
            mu: *mu,
            erev: *erev,
        });
        Self {
            prefix,
            units: w.ncols(),
            synapses: synapses.collect(),
            w_slopes: w.iter().map(|w| slope_of_softplus(w.widen())).collect(),
        }
    }

    /// Adds the flow for senders in state `values`.
    #[inline(always)]
    pub(super) fn add_to(&self, values: &[Lanes<T>], flow: &mut Flow<T>) {
        for (value, synapses) in values.iter().zip(self.synapses.chunks_exact(self.units)) {
            let units = synapses.iter().zip(&mut flow.drive).zip(&mut flow.conductance);
            for ((synapse, drive), conductance) in units.filter(|((synapse, _), _)| synapse.w > T::zero()) {
                let weighted = synapse.open(*value).map(|open| synapse.w * open);
                drive.add_scaled(weighted, synapse.erev);
                *conductance = conductance.plus(weighted);
            }
        }
    }

    /// Computes from the gradient with respect to the flow those of the synapses, in `sums`, and adds to those of the senders' values.
    #[inline(always)]
    pub(super) fn backward(
        &self,
        values: &[Lanes<T>],
        of_flow: &Flow<T>,
        sums: &mut [SynapseSums<T>],
        of_values: &mut [Lanes<T>],
    ) {
        let senders = self.synapses.chunks_exact(self.units).zip(sums.chunks_exact_mut(self.units));
        for ((value, of_value), (synapses, sums)) in values.iter().zip(of_values).zip(senders) {
            let units = synapses.iter().zip(sums).zip(of_flow.drive.iter().zip(&of_flow.conductance));
            for ((synapse, sums), (of_drive, of_conductance)) in units.filter(|((synapse, _), _)| synapse.w > T::zero()) {
                let open = synapse.open(*value);
                let mut of_weighted = *of_conductance;
                of_weighted.add_scaled(*of_drive, synapse.erev);
                sums.w.add_product(open, of_weighted);
                sums.erev.add_product(open, *of_drive);
                let of_exponent = of_weighted.zip(open, |gradient, open| synapse.w * gradient * open * (T::one() - open));
                sums.sigma.add_product(of_exponent, value.map(|value| value - synapse.mu));
                sums.exponent = sums.exponent.plus(of_exponent);
                of_value.add_scaled(of_exponent, synapse.sigma);
            }
        }
    }

    pub(super) fn sums(&self) -> Vec<SynapseSums<T>> {
        vec![SynapseSums::zero(); self.synapses.len()]
    }

    /// Writes the gradients of the four tensors.
    pub(super) fn collect(&self, sums: &[SynapseSums<T>], gradients: &mut LayerGradients<'_, T>) {
        let at = |row: usize, column: usize| row * self.units + column;
        let mut set = |name: &str, value: &dyn Fn(usize) -> T| {
            gradients.set_matrix(&format!("{}{name}", self.prefix), |row, column| value(at(row, column)));
        };
        set("w", &|at| T::of(sums[at].w.sum().widen() * self.w_slopes[at]));
        set("sigma", &|at| sums[at].sigma.sum());
        set("mu", &|at| -self.synapses[at].sigma * sums[at].exponent.sum());
        set("erev", &|at| self.synapses[at].w * sums[at].erev.sum());
    }
}

/// Sums over all steps of one synapse.
#[derive(Clone, Copy, Debug)]
pub(super) struct SynapseSums<T> {
    w: Lanes<T>,
    sigma: Lanes<T>,
    /// Gradient with respect to `sigma (x - mu)`.
    exponent: Lanes<T>,
    /// Gradient with respect to `w erev` for constant `w`.
    erev: Lanes<T>,
}

impl<T: Real> SynapseSums<T> {
    pub(super) fn zero() -> Self {
        let zero = Lanes::zero();
        Self { w: zero, sigma: zero, exponent: zero, erev: zero }
    }
}
