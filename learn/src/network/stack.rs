//! All layers and the pooling over one group of sequences, forward and backward.

use moodline_core::Real;
use moodline_core::network::{ATTENTION, NetworkConfig, Pooling, Tensors};

use super::cell::{LayerGradients, LayerTensors, Sizes};
use super::cells;
use super::dropout::Dropout;
use super::lanes::{LANES, Lanes, from_rows, to_rows};
use super::layer::{Gradients, Layer, Run};
use super::matrix::TILE;
use super::pooling::{Pool, Pooled};

/// A network, ready to run: everything that is shared by all groups of a batch.
pub(super) struct Stack<T> {
    layers: Vec<Box<dyn Layer<T>>>,
    pooling: Pooling,
    /// Padded, `[rows]`; empty without attention.
    attention: Vec<T>,
}

/// Tape and scratch memory of one group; reused from group to group.
#[derive(Debug)]
pub(super) struct Workspace<T> {
    lengths: Vec<usize>,
    /// Features in lanes, `[steps][input_rows]`.
    features: Vec<Lanes<T>>,
    /// Features after dropout; empty without dropout.
    dropped: Vec<Vec<T>>,
    layers: Vec<Run<T>>,
    /// Dropout factors of the outputs of each layer but the last; empty without dropout.
    factors: Vec<Vec<Lanes<T>>>,
    pooled: Pooled<T>,
    /// Outputs of a layer by sequence, `[LANES][steps, units]`.
    values: Vec<T>,
    /// Gradients with respect to the outputs of a layer and of the layer before, `[steps][rows]`.
    gradients: [Vec<Lanes<T>>; 2],
}

/// Some sequences of a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sequences<'a, T> {
    /// `[steps, n_features]` row-major each, at most [`LANES`], the longest first.
    pub(super) features: &'a [&'a [T]],
    /// Their places in the batch.
    pub(super) places: &'a [usize],
}

impl<T: Real> Stack<T> {
    pub(super) fn new(config: &NetworkConfig, parameters: &Tensors<T>) -> Self {
        let layer = |layer| cells::layer(&config.cell, LayerTensors { tensors: parameters, layer });
        let layers: Vec<Box<dyn Layer<T>>> = (0..config.layers).map(layer).collect();
        let mut attention = Vec::new();
        if config.pooling == Pooling::Attention {
            attention = parameters.get(ATTENTION).values.clone();
            attention.resize(layers[0].sizes().rows, T::zero());
        }
        Self { layers, pooling: config.pooling, attention }
    }

    pub(super) fn workspace(&self) -> Workspace<T> {
        Workspace {
            lengths: Vec::new(),
            features: Vec::new(),
            dropped: Vec::new(),
            layers: self.layers.iter().map(|layer| layer.run()).collect(),
            factors: vec![Vec::new(); self.layers.len()],
            pooled: Pooled::new(),
            values: Vec::new(),
            gradients: [Vec::new(), Vec::new()],
        }
    }

    /// Runs all sequences and pools them.
    pub(super) fn forward(&self, sequences: Sequences<'_, T>, dropout: Dropout, workspace: &mut Workspace<T>) {
        let Workspace { lengths, features, dropped, layers, factors, pooled, .. } = workspace;
        let Sizes { inputs, input_rows, units, rows, .. } = self.layers[0].sizes();
        lengths.clear();
        lengths.extend(sequences.features.iter().map(|features| features.len() / inputs));
        dropped.clear();
        if dropout.rate(0) > 0.0 {
            let pairs = sequences.features.iter().zip(sequences.places);
            dropped.extend(pairs.map(|(features, place)| dropout.features(*place, features)));
        }
        features.resize(lengths[0] * input_rows, Lanes::zero());
        from_rows(&seen(sequences.features, dropped), inputs, input_rows, features);
        self.layers[0].forward(&mut layers[0], features);
        for (index, layer) in self.layers.iter().enumerate().skip(1) {
            let (before, run) = layers.split_at_mut(index);
            let inputs = &mut before[index - 1].outputs;
            let factors = &mut factors[index - 1];
            factors.clear();
            if dropout.rate(index) > 0.0 {
                dropout.lanes(index, (sequences.places, lengths), (units, rows), factors);
                multiply(inputs, factors);
            }
            layer.forward(&mut run[0], inputs);
        }
        self.pool(lengths, layers).forward(pooled);
    }

    /// Backward pass over the computation of [`Stack::forward`], from the gradient with respect to the pooled outputs. `of_features` receives the gradient with
    /// respect to the features, `[steps][input_rows]`, if it is needed.
    pub(super) fn backward(
        &self,
        sequences: Sequences<'_, T>,
        gradient: &[Lanes<T>],
        workspace: &mut Workspace<T>,
        of_features: Option<&mut Vec<Lanes<T>>>,
    ) {
        let Workspace { lengths, layers, pooled, gradients: [of_outputs, _], .. } = workspace;
        self.pool(lengths, layers).backward(gradient, pooled, of_outputs);
        self.backward_layers(sequences, workspace, of_features);
    }

    /// [`Stack::backward`] from the gradient with respect to the outputs of the last layer, which [`Workspace::outputs_and_gradients`] gives access to.
    pub(super) fn backward_layers(
        &self,
        sequences: Sequences<'_, T>,
        workspace: &mut Workspace<T>,
        mut of_features: Option<&mut Vec<Lanes<T>>>,
    ) {
        let Workspace { lengths, features, dropped, layers, factors, values, gradients: [of_outputs, of_inputs], .. } = workspace;
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let Sizes { inputs, input_rows, .. } = layer.sizes();
            let (before, run) = layers.split_at_mut(index);
            let Some(before) = before.last() else {
                let gradients = Gradients { outputs: of_outputs, inputs: of_features.take() };
                layer.backward(&mut run[0], features, &seen(sequences.features, dropped), gradients);
                continue;
            };
            values.resize(LANES * lengths[0] * inputs, T::zero());
            to_rows(&before.outputs, input_rows, inputs, values);
            let by_sequence: Vec<&[T]> = values
                .chunks_exact(lengths[0] * inputs)
                .zip(&*lengths)
                .map(|(values, length)| &values[..length * inputs])
                .collect();
            let gradients = Gradients { outputs: of_outputs, inputs: Some(of_inputs) };
            layer.backward(&mut run[0], &before.outputs, &by_sequence, gradients);
            multiply(of_inputs, &factors[index - 1]);
            std::mem::swap(of_outputs, of_inputs);
        }
    }

    /// After [`Stack::backward_layers`]: gradients of the parameters of all layers.
    pub(super) fn collect_layers(&self, workspace: &Workspace<T>, gradients: &mut Tensors<T>) {
        for (layer, (cell, run)) in self.layers.iter().zip(&workspace.layers).enumerate() {
            cell.collect(run, &mut LayerGradients { tensors: gradients, layer });
        }
    }

    /// After [`Stack::backward`]: gradients of all parameters but those of the readout.
    pub(super) fn collect(&self, workspace: &Workspace<T>, gradients: &mut Tensors<T>) {
        self.collect_layers(workspace, gradients);
        if self.pooling == Pooling::Attention {
            for (to, sum) in gradients.get_mut(ATTENTION).values.iter_mut().zip(&workspace.pooled.attention_gradient) {
                *to = sum.sum();
            }
        }
    }

    fn pool<'a>(&'a self, lengths: &'a [usize], layers: &'a [Run<T>]) -> Pool<'a, T> {
        let Self { pooling, attention, .. } = self;
        // INVARIANT: a network has at least one layer.
        let outputs = &layers.last().expect("a layer").outputs;
        Pool { pooling: *pooling, attention, lengths, rows: self.layers[0].sizes().rows, outputs }
    }
}

impl<T: Real> Workspace<T> {
    /// The input of the readout for a sequence: each part of the pooled values without its padding.
    pub(super) fn pooled(&self, units: usize, lane: usize) -> impl Iterator<Item = T> {
        self.pooled
            .values
            .chunks_exact(units.next_multiple_of(TILE))
            .flat_map(move |part| part[..units].iter().map(move |value| value.0[lane]))
    }

    /// Writes the gradient with respect to the result of [`Workspace::pooled`] into `gradient`, which is padded like the pooled values.
    pub(super) fn set_pooled_gradient(gradient: &mut [Lanes<T>], units: usize, lane: usize, values: impl IntoIterator<Item = T>) {
        let rows = units.next_multiple_of(TILE);
        let unpadded = gradient.chunks_exact_mut(rows).flat_map(|part| &mut part[..units]);
        for (to, value) in unpadded.zip(values) {
            to.0[lane] = value;
        }
    }

    /// Number of pooled values, including padding.
    pub(super) fn pooled_rows(&self) -> usize {
        self.pooled.values.len()
    }

    /// The output of the last layer after a step, `[units]`.
    pub(super) fn output(&self, units: usize, step: usize, lane: usize) -> impl Iterator<Item = T> {
        let rows = units.next_multiple_of(TILE);
        self.outputs()[step * rows..][..units].iter().map(move |output| output.0[lane])
    }

    /// The outputs of the last layer, `[steps][output_rows]`.
    pub(super) fn outputs(&self) -> &[Lanes<T>] {
        // INVARIANT: a network has at least one layer.
        &self.layers.last().expect("a layer").outputs
    }

    /// Number of rows in the outputs of a step, including padding.
    pub(super) fn output_rows(&self) -> usize {
        self.outputs().len() / self.lengths[0]
    }

    /// [`Workspace::outputs`], and the buffer from which [`Stack::backward_layers`] takes the gradient with respect to them, in the same shape.
    pub(super) fn outputs_and_gradients(&mut self) -> (&[Lanes<T>], &mut Vec<Lanes<T>>) {
        // INVARIANT: a network has at least one layer.
        (&self.layers.last().expect("a layer").outputs, &mut self.gradients[0])
    }
}

/// The features after dropout, if any, as input of the network.
fn seen<'a, T>(features: &[&'a [T]], dropped: &'a [Vec<T>]) -> Vec<&'a [T]> {
    if dropped.is_empty() { features.to_vec() } else { dropped.iter().map(Vec::as_slice).collect() }
}

/// Multiplies element by element; empty `factors` leave the values unchanged.
fn multiply<T: Real>(values: &mut [Lanes<T>], factors: &[Lanes<T>]) {
    for (value, factor) in values.iter_mut().zip(factors) {
        *value = value.times(*factor);
    }
}
