//! The solvers of the LTC of Hasani et al.

use super::*;

const N_FEATURES: usize = 7;

fn config(solver: Solver, unfolds: usize, elapsed: f64) -> NetworkConfig {
    NetworkConfig { units: 9, layers: 1, pooling: Pooling::Last, cell: CellConfig::Ltc(Ltc { solver, unfolds, elapsed }) }
}

#[test]
fn solvers_of_the_same_equation_meet_when_their_steps_are_small() {
    let outputs = |solver, unfolds| {
        let examples = Examples::draw(&config(solver, unfolds, 0.7), N_FEATURES, &[6]);
        examples.network.trace(&examples.sequences[0].view()).unwrap().outputs
    };
    let exact = outputs(Solver::Rk4, 400);
    for (solver, order) in [(Solver::SemiImplicit, 1), (Solver::Euler, 1), (Solver::Rk4, 4)] {
        let error = |unfolds| (outputs(solver, unfolds) - &exact).iter().fold(0.0, |worst: f64, error| worst.max(error.abs()));
        let (coarse, fine) = (error(10), error(20));
        let shrinks = coarse / fine / 2.0_f64.powi(order);
        assert!((0.7..1.4).contains(&shrinks), "{solver:?}: {coarse:e}, then {fine:e}");
    }
}

#[test]
fn what_a_sequence_does_after_its_end_may_grow_beyond_all_bounds() {
    // Synapses that the inputs keep closed and that an absent input, which is 0, opens so wide that explicit steps are unstable.
    let mut examples = Examples::draw(&config(Solver::Euler, 1, 0.5), N_FEATURES, &[2, 80]);
    for (name, value) in
        [("input_kernel", 1.0), ("input_bias", 0.0), ("sensory_w", 1e6), ("sensory_sigma", -10.0), ("sensory_mu", 2.5)]
    {
        examples.network.parameters.get_mut(&format!("layer0.{name}")).values.fill(value);
    }
    examples.sequences.iter_mut().for_each(|sequence| sequence.fill(5.0));
    let together = examples.network.loss_and_gradients(&examples.batch(Dropout::default()), 0.0).unwrap();
    assert_eq!(examples.network.predict(&examples.views()[..1]).unwrap()[0], together.probabilities[0]);
    let silence = Array2::zeros((80, N_FEATURES));
    assert!(!examples.network.trace(&silence.view()).unwrap().outputs[(79, 0)].is_finite(), "no input overflows");
}
