//! Sparse wirings: which synapses a layer has, modelled on the nervous system of the worm C. elegans.
//!
//! In: numbers of neurons and synapses, and a seed. Out: the [`Wiring`] of a layer, and [`Masks`] that constrain the parameters of a network to it. A wiring
//! exists only in training: a missing synapse is a zero in the weights of a model file.

use moodline_core::Mismatch;
use moodline_core::network::NetworkConfig;
use ndarray::Array2;
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

mod masks;

pub use masks::Masks;

/// How the units of every layer are wired; without it they are fully connected.
///
/// # Source
/// Lechner et al. 2020, "Neural circuit policies enabling auditable autonomy", algorithm in "Designing NCP networks"; as `NCP` and `AutoNCP` in
/// `ncps.wirings` 1.0.1. Deliberate deviations: a different random number generator; an unconnected command neuron gets synapses from at most all inter neurons
/// (ncps: at most as many as there are command neurons); and a mask also applies to all gates of a cell and to the synapses within a group of neurons
/// (`WiredCfCCell` of ncps leaves both dense).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum WiringConfig {
    /// Inputs to inter neurons to command neurons, which have synapses among themselves, to motor neurons, the only ones that are read.
    Ncp(Ncp),
    /// The same, with the numbers derived from two settings.
    AutoNcp(AutoNcp),
}

/// Numbers of a neural circuit policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ncp {
    /// Neurons that receive the inputs.
    pub inter_neurons: usize,
    /// Neurons that receive the inter neurons and each other.
    pub command_neurons: usize,
    /// Neurons that receive the command neurons and are read; the first units of the layer. The sum of all three is the number of units.
    pub motor_neurons: usize,
    /// Number of inter neurons that each input reaches.
    pub sensory_fanout: usize,
    /// Number of command neurons that each inter neuron reaches.
    pub inter_fanout: usize,
    /// Number of synapses drawn among command neurons; a repeated one counts once.
    pub recurrent_command_synapses: usize,
    /// Number of command neurons that reach each motor neuron.
    pub motor_fanin: usize,
    /// Seed of the random synapses.
    #[serde(default)]
    pub seed: u64,
}

/// Settings from which the numbers of a neural circuit policy are derived.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoNcp {
    /// Number of motor neurons; at least three units must remain.
    pub outputs: usize,
    /// Fraction of the possible synapses that is left out, 0.1..=0.9.
    pub sparsity: f64,
    /// Seed of the random synapses.
    #[serde(default)]
    pub seed: u64,
}

impl WiringConfig {
    /// Checks every number against the units of the network.
    ///
    /// # Errors
    /// The first number that does not fit, as `wiring.<field>`; or a backbone, whose units are not neurons.
    pub fn validate(&self, network: &NetworkConfig) -> Result<(), Mismatch> {
        let units = network.units;
        if let Some(backbone) = network.cell.backbone() {
            let (field, expected) = ("network.cell.backbone".to_owned(), "absent, because there is a wiring".to_owned());
            return Err(Mismatch { field, expected, found: format!("one of {} units", backbone.units) });
        }
        let check = |ok: bool, field: &str, expected: String, found: String| {
            if ok { Ok(()) } else { Err(Mismatch { field: format!("wiring.{field}"), expected, found }) }
        };
        match *self {
            Self::AutoNcp(AutoNcp { outputs, sparsity, .. }) => {
                let fits = outputs >= 1 && outputs + 2 < units;
                check(fits, "outputs", format!("at least 1 and below units - 2, with {units} units"), outputs.to_string())?;
                check((0.1..=0.9).contains(&sparsity), "sparsity", "0.1..=0.9".to_owned(), sparsity.to_string())
            }
            Self::Ncp(ncp) => {
                let between = |field, found: usize, least: usize, most: usize| {
                    check((least..=most).contains(&found), field, format!("{least}..={most}"), found.to_string())
                };
                between("inter_neurons", ncp.inter_neurons, 1, units)?;
                between("command_neurons", ncp.command_neurons, 1, units)?;
                between("motor_neurons", ncp.motor_neurons, 1, units)?;
                let sum = ncp.inter_neurons + ncp.command_neurons + ncp.motor_neurons;
                let expected = format!("what inter and command neurons leave of {units} units");
                check(sum == units, "motor_neurons", expected, format!("{sum} neurons together"))?;
                between("sensory_fanout", ncp.sensory_fanout, 1, ncp.inter_neurons)?;
                between("inter_fanout", ncp.inter_fanout, 1, ncp.command_neurons)?;
                between("recurrent_command_synapses", ncp.recurrent_command_synapses, 0, ncp.command_neurons.pow(2))?;
                between("motor_fanin", ncp.motor_fanin, 1, ncp.command_neurons)
            }
        }
    }

    /// All numbers, for this many units.
    fn numbers(&self, units: usize) -> Ncp {
        match *self {
            Self::Ncp(ncp) => ncp,
            Self::AutoNcp(AutoNcp { outputs, sparsity, seed }) => {
                let part = |n: usize, fraction: f64| ((n as f64 * fraction) as usize).max(1);
                let density = 1.0 - sparsity;
                let command_neurons = part(units - outputs, 0.4);
                let inter_neurons = units - outputs - command_neurons;
                Ncp {
                    inter_neurons,
                    command_neurons,
                    motor_neurons: outputs,
                    sensory_fanout: part(inter_neurons, density),
                    inter_fanout: part(command_neurons, density),
                    recurrent_command_synapses: part(command_neurons, 2.0 * density),
                    motor_fanin: part(command_neurons, density),
                    seed,
                }
            }
        }
    }
}

/// The synapses of a layer: 1 is excitatory, -1 inhibitory, 0 none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wiring {
    /// From input to unit, `[inputs, units]`.
    pub sensory: Array2<i8>,
    /// From unit to unit, `[units, units]`.
    pub recurrent: Array2<i8>,
    /// Number of units that are read; they come first.
    pub motor_neurons: usize,
}

impl Wiring {
    /// Draws the wiring of a layer with `n_inputs` inputs, of which the first `n_seen` are wired.
    fn draw(ncp: &Ncp, n_inputs: usize, n_seen: usize, rng: &mut ChaCha8Rng) -> Self {
        let Ncp { inter_neurons, command_neurons, motor_neurons, .. } = *ncp;
        let units = inter_neurons + command_neurons + motor_neurons;
        let sensory: Vec<usize> = (0..n_seen).collect();
        let motor: Vec<usize> = (0..motor_neurons).collect();
        let command: Vec<usize> = (motor_neurons..motor_neurons + command_neurons).collect();
        let inter: Vec<usize> = (motor_neurons + command_neurons..units).collect();

        let mut from_inputs = Array2::zeros((n_inputs, units));
        let mut between = Array2::zeros((units, units));
        join(&sensory, &inter, ncp.sensory_fanout, rng, |from, to, sign| from_inputs[(from, to)] = sign);
        join(&inter, &command, ncp.inter_fanout, rng, |from, to, sign| between[(from, to)] = sign);
        for _ in 0..ncp.recurrent_command_synapses {
            let [from, to] = [(); 2].map(|()| command[rng.random_range(0..command_neurons as u64) as usize]);
            between[(from, to)] = polarity(rng);
        }
        join(&motor, &command, ncp.motor_fanin, rng, |to, from, sign| between[(from, to)] = sign);
        Self { sensory: from_inputs, recurrent: between, motor_neurons }
    }
}

/// Connects each of `some` with `n` of `others`; then each unconnected one of `others` with the average number of connections per neuron of `others`.
fn join(some: &[usize], others: &[usize], n: usize, rng: &mut ChaCha8Rng, mut synapse: impl FnMut(usize, usize, i8)) {
    let mut forgotten = others.to_vec();
    for one in some {
        for other in chosen(others, n, rng) {
            forgotten.retain(|candidate| *candidate != other);
            synapse(*one, other, polarity(rng));
        }
    }
    let mean = (some.len() * n / others.len()).clamp(1, some.len());
    for other in forgotten {
        for one in chosen(some, mean, rng) {
            synapse(one, other, polarity(rng));
        }
    }
}

/// `n` distinct elements.
fn chosen(from: &[usize], n: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut ids = from.to_vec();
    ids.partial_shuffle(rng, n).0.to_vec()
}

fn polarity(rng: &mut ChaCha8Rng) -> i8 {
    if rng.random_range(0..2_u64) == 0 { -1 } else { 1 }
}

#[cfg(test)]
mod tests {
    use moodline_core::network::{Backbone, CellConfig, Cfc, CfcMode, Pooling};
    use proptest::prelude::*;
    use rand::SeedableRng;

    use super::*;

    fn network(units: usize) -> NetworkConfig {
        NetworkConfig { units, layers: 1, pooling: Pooling::Last, cell: CellConfig::Gru }
    }

    fn ncp() -> Ncp {
        Ncp {
            inter_neurons: 9,
            command_neurons: 5,
            motor_neurons: 3,
            sensory_fanout: 4,
            inter_fanout: 2,
            recurrent_command_synapses: 6,
            motor_fanin: 2,
            seed: 1,
        }
    }

    /// Number of synapses in each row of a block of a matrix.
    fn by_row(matrix: &Array2<i8>, rows: &[usize], columns: &[usize]) -> Vec<usize> {
        rows.iter().map(|row| columns.iter().filter(|column| matrix[(*row, **column)] != 0).count()).collect()
    }

    fn count(matrix: &Array2<i8>) -> usize {
        matrix.iter().filter(|sign| **sign != 0).count()
    }

    proptest! {
        #[test]
        fn every_wiring_keeps_to_its_layers_fans_and_reaches_every_neuron(
            (inter, command, motor) in (1_usize..12, 1_usize..8, 1_usize..6),
            n_inputs in 1_usize..15,
            (sensory_part, inter_part, motor_part) in (0.0..1.0, 0.0..1.0, 0.0..1.0),
            recurrent in 0_usize..10,
            seed in any::<u64>(),
        ) {
            let part = |part: f64, of: usize| 1 + (part * of as f64) as usize % of;
            let recurrent = recurrent.min(command * command);
            let ncp = Ncp {
                inter_neurons: inter,
                command_neurons: command,
                motor_neurons: motor,
                sensory_fanout: part(sensory_part, inter),
                inter_fanout: part(inter_part, command),
                recurrent_command_synapses: recurrent,
                motor_fanin: part(motor_part, command),
                seed,
            };
            let units = inter + command + motor;
            prop_assert_eq!(WiringConfig::Ncp(ncp).validate(&network(units)), Ok(()));
            let wiring = Wiring::draw(&ncp, n_inputs + 2, n_inputs, &mut ChaCha8Rng::seed_from_u64(seed));
            let ids = |from: usize, n: usize| (from..from + n).collect::<Vec<_>>();
            let (motors, commands, inters) = (ids(0, motor), ids(motor, command), ids(motor + command, inter));
            let (inputs, all) = (ids(0, n_inputs), ids(0, units));

            // A synapse beyond the fan-out leads to a neuron that was otherwise unconnected.
            let sensory = by_row(&wiring.sensory, &inputs, &inters);
            prop_assert!(sensory.iter().all(|n| *n >= ncp.sensory_fanout));
            let transposed = wiring.sensory.t().to_owned();
            prop_assert!(by_row(&transposed, &inters, &inputs).iter().all(|n| *n >= 1));
            prop_assert_eq!(count(&wiring.sensory), sensory.iter().sum::<usize>(), "inputs reach inter neurons alone");
            prop_assert!(by_row(&wiring.sensory, &[n_inputs, n_inputs + 1], &all).iter().all(|n| *n == 0), "unseen inputs");

            let transposed = wiring.recurrent.t().to_owned();
            let to_command = by_row(&wiring.recurrent, &inters, &commands);
            prop_assert!(to_command.iter().all(|n| *n >= ncp.inter_fanout));
            prop_assert!(by_row(&transposed, &commands, &inters).iter().all(|n| *n >= 1));
            let within = by_row(&wiring.recurrent, &commands, &commands).iter().sum::<usize>();
            prop_assert!(within <= recurrent && (within > 0) == (recurrent > 0));
            let to_motor = by_row(&transposed, &motors, &commands);
            prop_assert!(to_motor.iter().all(|n| *n >= ncp.motor_fanin));
            prop_assert!(by_row(&wiring.recurrent, &commands, &motors).iter().all(|n| *n >= 1));
            let allowed = to_command.iter().sum::<usize>() + within + to_motor.iter().sum::<usize>();
            prop_assert_eq!(count(&wiring.recurrent), allowed, "no other layers are joined");
            prop_assert!(wiring.sensory.iter().chain(&wiring.recurrent).all(|sign| (-1..=1).contains(sign)));
        }
    }

    #[test]
    fn where_nobody_is_forgotten_every_fan_is_exact() {
        // With this fan-out, each destination is reached.
        let ncp = Ncp { sensory_fanout: 9, inter_fanout: 5, motor_fanin: 5, ..ncp() };
        let wiring = Wiring::draw(&ncp, 7, 7, &mut ChaCha8Rng::seed_from_u64(3));
        assert_eq!(count(&wiring.sensory), 7 * 9);
        assert_eq!(by_row(&wiring.recurrent, &(8..17).collect::<Vec<_>>(), &(0..17).collect::<Vec<_>>()), [5; 9]);
        assert_eq!(by_row(&wiring.recurrent.t().to_owned(), &[0, 1, 2], &(0..17).collect::<Vec<_>>()), [5; 3]);
    }

    #[test]
    fn both_polarities_occur_and_the_seed_decides() {
        let draw = |seed| Wiring::draw(&ncp(), 39, 39, &mut ChaCha8Rng::seed_from_u64(seed));
        let wiring = draw(1);
        for sign in [-1, 1] {
            let part = wiring.sensory.iter().filter(|found| **found == sign).count() as f64 / count(&wiring.sensory) as f64;
            assert!((0.35..0.65).contains(&part), "{part}");
        }
        assert_eq!(wiring, draw(1));
        assert_ne!(wiring, draw(2));
    }

    #[test]
    fn the_numbers_that_follow_are_those_of_ncps() {
        // AutoNCP(28, 4, 0.5) and AutoNCP(8, 2, 0.9) of ncps 1.0.1.
        let numbers = |units, outputs, sparsity| {
            let auto = WiringConfig::AutoNcp(AutoNcp { outputs, sparsity, seed: 0 });
            assert_eq!(auto.validate(&network(units)), Ok(()));
            let n = auto.numbers(units);
            let fans = [n.sensory_fanout, n.inter_fanout, n.recurrent_command_synapses, n.motor_fanin];
            ([n.inter_neurons, n.command_neurons, n.motor_neurons], fans)
        };
        assert_eq!(numbers(28, 4, 0.5), ([15, 9, 4], [7, 4, 9, 4]));
        assert_eq!(numbers(8, 2, 0.9), ([4, 2, 2], [1, 1, 1, 1]));
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused_by_name() {
        let refused = |wiring: WiringConfig| wiring.validate(&network(17)).unwrap_err().field;
        let auto = |outputs, sparsity| WiringConfig::AutoNcp(AutoNcp { outputs, sparsity, seed: 0 });
        assert_eq!(refused(auto(15, 0.5)), "wiring.outputs");
        assert_eq!(refused(auto(0, 0.5)), "wiring.outputs");
        assert_eq!(refused(auto(4, 0.95)), "wiring.sparsity");
        assert_eq!(refused(auto(4, f64::NAN)), "wiring.sparsity");
        for (wrong, field) in [
            (Ncp { inter_neurons: 0, ..ncp() }, "inter_neurons"),
            (Ncp { inter_neurons: 10, ..ncp() }, "motor_neurons"),
            (Ncp { sensory_fanout: 10, ..ncp() }, "sensory_fanout"),
            (Ncp { inter_fanout: 0, ..ncp() }, "inter_fanout"),
            (Ncp { recurrent_command_synapses: 26, ..ncp() }, "recurrent_command_synapses"),
            (Ncp { motor_fanin: 6, ..ncp() }, "motor_fanin"),
        ] {
            assert_eq!(refused(WiringConfig::Ncp(wrong)), format!("wiring.{field}"));
        }
        let cfc = Cfc { mode: CfcMode::Gated, elapsed: 1.0, backbone: Some(Backbone { units: 8, layers: 1 }) };
        let behind_backbone = NetworkConfig { cell: CellConfig::Cfc(cfc), ..network(17) };
        assert_eq!(auto(4, 0.5).validate(&behind_backbone).unwrap_err().field, "network.cell.backbone");
    }

    #[test]
    fn a_wiring_is_written_as_it_is_documented() {
        let auto: WiringConfig = toml::from_str("kind = \"auto_ncp\"\noutputs = 4\nsparsity = 0.5").unwrap();
        assert_eq!(auto, WiringConfig::AutoNcp(AutoNcp { outputs: 4, sparsity: 0.5, seed: 0 }));
        let ncp = WiringConfig::Ncp(ncp());
        let text = toml::to_string(&ncp).unwrap();
        assert_eq!(toml::from_str::<WiringConfig>(&text).unwrap(), ncp);
        assert!(toml::from_str::<WiringConfig>(&text.replace("motor_fanin", "motor_fan_in")).is_err());
    }
}
