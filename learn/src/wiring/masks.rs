//! Effect of a wiring on the parameters of a network.

use moodline_core::Real;
use moodline_core::network::{ATTENTION, CellConfig, DENSE_KERNEL, NetworkConfig, Tensors, layer_tensor};
use ndarray::Array2;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{Wiring, WiringConfig};

/// Trained value of a conductance without a synapse: its softplus, and the derivative of that, are exactly 0 in both precisions.
const NO_CONDUCTANCE: f64 = -1000.0;

/// Constrains the parameters of a network to its wiring: without a synapse, parameters have no effect and do not change.
#[derive(Clone, Debug, PartialEq)]
pub struct Masks(Vec<Mask>);

/// The synapses behind the values of one tensor.
#[derive(Clone, Debug, PartialEq)]
struct Mask {
    name: String,
    kind: Kind,
    /// For each value: 1 or -1 where it belongs to a synapse, 0 elsewhere.
    synapses: Vec<i8>,
}

/// The role of a tensor's values in a synapse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A weight, whose sign is learned.
    Weight,
    /// Its strength, which is a softplus.
    Conductance,
    /// Its reversal potential: its sign is the initial polarity.
    Reversal,
}

impl Masks {
    /// The masks of a network whose layers are drawn one after another from the seed of the wiring. Layers above the first receive the motor neurons of the
    /// one below; the readout receives those of the last.
    ///
    /// # Panics
    /// When the wiring does not fit; see [`WiringConfig::validate`].
    #[must_use]
    pub fn new(config: &WiringConfig, network: &NetworkConfig, n_features: usize) -> Self {
        let units = network.units;
        let numbers = config.numbers(units);
        let mut rng = ChaCha8Rng::seed_from_u64(numbers.seed);
        let mut masks = Vec::new();
        for layer in 0..network.layers {
            let (n_inputs, n_seen) = if layer == 0 { (n_features, n_features) } else { (units, numbers.motor_neurons) };
            let wiring = Wiring::draw(&numbers, n_inputs, n_seen, &mut rng);
            masks.extend(of_layer(&network.cell, layer, &wiring));
        }
        let is_read = |unit: usize| i8::from(unit < numbers.motor_neurons);
        let readout = |name: &str, synapses| Mask { name: name.to_owned(), kind: Kind::Weight, synapses };
        for (name, shape) in network.parameter_shapes(n_features) {
            if name == ATTENTION {
                masks.push(readout(ATTENTION, (0..units).map(is_read).collect()));
            } else if name == DENSE_KERNEL {
                let rows = (0..shape[0]).flat_map(|row| std::iter::repeat_n(is_read(row % units), shape[1]));
                masks.push(readout(DENSE_KERNEL, rows.collect()));
            }
        }
        Self(masks)
    }

    /// Removes the parameters without a synapse, and gives each synapse of [`CellConfig::Ltc`] its polarity.
    ///
    /// # Panics
    /// When the parameters belong to another network.
    pub fn wire<T: Real>(&self, parameters: &mut Tensors<T>) {
        for Mask { name, kind, synapses } in &self.0 {
            let values = &mut parameters.get_mut(name).values;
            assert_eq!(values.len(), synapses.len(), "{name} belongs to the wiring");
            for (value, synapse) in values.iter_mut().zip(synapses) {
                *value = match (kind, synapse) {
                    (Kind::Conductance, 0) => T::of(NO_CONDUCTANCE),
                    (Kind::Weight | Kind::Reversal, 0) => T::zero(),
                    (Kind::Reversal, polarity) => value.abs() * T::of(f64::from(*polarity)),
                    (Kind::Weight | Kind::Conductance, _) => *value,
                };
            }
        }
    }

    /// Sets the gradients of parameters without a synapse to 0.
    ///
    /// # Panics
    /// As [`Masks::wire`].
    pub fn hold<T: Real>(&self, gradients: &mut Tensors<T>) {
        for Mask { name, synapses, .. } in &self.0 {
            let values = &mut gradients.get_mut(name).values;
            assert_eq!(values.len(), synapses.len(), "{name} belongs to the wiring");
            for (value, _) in values.iter_mut().zip(synapses).filter(|(_, synapse)| **synapse == 0) {
                *value = T::zero();
            }
        }
    }
}

fn of_layer(cell: &CellConfig, layer: usize, wiring: &Wiring) -> Vec<Mask> {
    let mask = |name: &str, kind, synapses: &Array2<i8>, gates: usize| {
        let rows = synapses.rows().into_iter();
        let synapses = rows.flat_map(|row| std::iter::repeat_n(row.to_vec(), gates).flatten()).collect();
        Mask { name: layer_tensor(layer, name), kind, synapses }
    };
    match cell {
        CellConfig::Ltc(_) => vec![
            mask("sensory_w", Kind::Conductance, &wiring.sensory, 1),
            mask("sensory_erev", Kind::Reversal, &wiring.sensory, 1),
            mask("w", Kind::Conductance, &wiring.recurrent, 1),
            mask("erev", Kind::Reversal, &wiring.recurrent, 1),
        ],
        gated => vec![
            mask("kernel", Kind::Weight, &wiring.sensory, gated.gates()),
            mask("recurrent_kernel", Kind::Weight, &wiring.recurrent, gated.gates()),
        ],
    }
}

#[cfg(test)]
mod tests {
    use moodline_core::network::{Ltc, Pooling, Solver};
    use ndarray::ArrayView2;

    use super::super::AutoNcp;
    use super::*;

    const N_FEATURES: usize = 7;

    fn network(layers: usize, pooling: Pooling, cell: CellConfig) -> NetworkConfig {
        NetworkConfig { units: 13, layers, pooling, cell }
    }

    fn wiring(seed: u64) -> WiringConfig {
        WiringConfig::AutoNcp(AutoNcp { outputs: 4, sparsity: 0.6, seed })
    }

    fn wired(network: &NetworkConfig, seed: u64) -> Tensors<f64> {
        let mut parameters = Tensors::filled(network.parameter_shapes(N_FEATURES), &2.0);
        Masks::new(&wiring(seed), network, N_FEATURES).wire(&mut parameters);
        parameters
    }

    /// Which values are non-zero.
    fn there(matrix: ArrayView2<'_, f64>) -> Array2<bool> {
        matrix.mapv(|value| value != 0.0)
    }

    #[test]
    fn all_gates_have_the_synapses_of_the_wiring() {
        let network = network(2, Pooling::MeanDeviation, CellConfig::Gru);
        let parameters = wired(&network, 1);
        let drawn = Wiring::draw(&wiring(1).numbers(13), N_FEATURES, N_FEATURES, &mut ChaCha8Rng::seed_from_u64(1));
        for (name, synapses) in [("layer0.kernel", &drawn.sensory), ("layer0.recurrent_kernel", &drawn.recurrent)] {
            let expected = synapses.mapv(|sign| sign != 0);
            for gate in there(parameters.matrix(name)).axis_chunks_iter(ndarray::Axis(1), 13) {
                assert_eq!(gate, expected, "{name}");
            }
        }
        let second = there(parameters.matrix("layer1.kernel"));
        assert!(second.rows().into_iter().take(4).all(|row| row.iter().any(|there| *there)), "motor neurons are seen");
        assert!(second.rows().into_iter().skip(4).all(|row| row.iter().all(|there| !there)), "and no others");
        assert_ne!(parameters.matrix("layer0.recurrent_kernel"), parameters.matrix("layer1.recurrent_kernel"));
        assert!(parameters.vector("layer0.bias").iter().all(|bias| *bias == 2.0));
    }

    #[test]
    fn motor_neurons_alone_are_read() {
        for pooling in [Pooling::Last, Pooling::MeanDeviation, Pooling::Attention] {
            let parameters = wired(&network(1, pooling, CellConfig::LiquidGate), 2);
            for (row, values) in there(parameters.matrix(DENSE_KERNEL)).rows().into_iter().enumerate() {
                assert!(values.iter().all(|there| *there == (row % 13 < 4)), "{pooling:?} row {row}");
            }
            if pooling == Pooling::Attention {
                assert_eq!(parameters.vector(ATTENTION).iter().filter(|value| **value != 0.0).count(), 4);
            }
        }
    }

    #[test]
    fn a_synapse_of_an_ltc_has_strength_and_polarity_and_a_missing_one_has_none() {
        let cell = CellConfig::Ltc(Ltc { solver: Solver::SemiImplicit, unfolds: 3, elapsed: 1.0 });
        let parameters = wired(&network(1, Pooling::Last, cell), 3);
        let drawn = Wiring::draw(&wiring(3).numbers(13), N_FEATURES, N_FEATURES, &mut ChaCha8Rng::seed_from_u64(3));
        for (prefix, synapses) in [("sensory_", &drawn.sensory), ("", &drawn.recurrent)] {
            let tensor = |name: &str| parameters.matrix(&format!("layer0.{prefix}{name}"));
            for (((synapse, w), erev), sigma) in synapses.iter().zip(tensor("w")).zip(tensor("erev")).zip(tensor("sigma")) {
                assert_eq!(*erev, 2.0 * f64::from(*synapse));
                assert_eq!(*w, if *synapse == 0 { NO_CONDUCTANCE } else { 2.0 });
                assert_eq!(*sigma, 2.0);
            }
        }
        assert_eq!((NO_CONDUCTANCE.exp().ln_1p(), (NO_CONDUCTANCE as f32).exp().ln_1p()), (0.0, 0.0));
    }

    #[test]
    fn gradients_are_held_where_there_is_no_synapse_and_nowhere_else() {
        let network = network(1, Pooling::Last, CellConfig::Lstm);
        let parameters = wired(&network, 4);
        let mut gradients = Tensors::filled(network.parameter_shapes(N_FEATURES), &3.0);
        Masks::new(&wiring(4), &network, N_FEATURES).hold(&mut gradients);
        for (gradient, parameter) in gradients.iter().zip(parameters.iter()) {
            for (gradient, value) in gradient.values.iter().zip(&parameter.values) {
                assert_eq!(*gradient, 1.5 * value);
            }
        }
        assert_eq!(Masks::new(&wiring(4), &network, N_FEATURES), Masks::new(&wiring(4), &network, N_FEATURES));
        assert_ne!(Masks::new(&wiring(4), &network, N_FEATURES), Masks::new(&wiring(5), &network, N_FEATURES));
    }
}
