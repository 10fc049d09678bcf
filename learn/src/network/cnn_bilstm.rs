//! Convolutions over time, then one bidirectional LSTM: a reference for comparison with small recurrent networks.

use moodline_core::Real;
use moodline_core::emotion::Emotion;
use moodline_core::network::{CellConfig, DENSE_BIAS, DENSE_KERNEL, Tensors, layer_tensor};
use ndarray::{Array2, ArrayView2};
use rand::Rng;

use super::batch::{self, Batch, BatchOutcome, Group, GroupResult, check_labels, check_shapes, groups, learn_readout};
use super::cells::{self, Start};
use super::draws::{glorot_uniform, uniform_between};
use super::dropout::Dropout;
use super::error::NetworkError;
use super::precision::Precision;
use crate::loss::softmax;
use crate::parallel;

mod bilstm;
mod convolution;

use bilstm::{Bilstm, DIRECTIONS};
use convolution::{ConvolutionLayer, Passed};

/// A convolution over time, followed by ReLU and max pooling over neighbouring steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// Number of values in a step of its output.
    pub channels: usize,
    /// Number of neighbouring steps pooled into one, at least 1. A partial group at the end also becomes a step.
    pub pool: usize,
}

/// Sizes of a [`CnnBilstm`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CnnBilstmConfig {
    /// Kernel width in steps, odd: the current step and equally many before and after.
    pub width: usize,
    /// The convolutions in order, at least one.
    pub convolutions: Vec<Convolution>,
    /// Units of the LSTM in each direction.
    pub units: usize,
}

impl Default for CnnBilstmConfig {
    /// Small enough that an epoch over some thousand clips takes seconds on one core: with 44 features 117,332 parameters, and 1.2 million multiplications
    /// per second of speech in steps of 30 ms, nearly half of them in the LSTM, which runs once every four steps.
    fn default() -> Self {
        let convolution = |channels, pool| Convolution { channels, pool };
        let convolutions = vec![convolution(32, 2), convolution(48, 2), convolution(64, 1), convolution(64, 1)];
        Self { width: 5, convolutions, units: 64 }
    }
}

impl CnnBilstmConfig {
    /// Name and shape of every trained tensor: the convolutions, the forward LSTM as layer 0 and the backward LSTM as layer 1, the readout. A kernel of a
    /// convolution has a row for each combination of step in its window and input, the earliest step first.
    #[must_use]
    pub fn parameter_shapes(&self, n_features: usize) -> Vec<(String, Vec<usize>)> {
        let mut shapes = Vec::new();
        let mut inputs = n_features;
        for (index, Convolution { channels, .. }) in self.convolutions.iter().enumerate() {
            shapes.push((kernel_name(index), vec![self.width * inputs, *channels]));
            shapes.push((bias_name(index), vec![*channels]));
            inputs = *channels;
        }
        for direction in 0..DIRECTIONS {
            let of_direction = CellConfig::Lstm.parameter_shapes(inputs, self.units);
            shapes.extend(of_direction.into_iter().map(|(name, shape)| (layer_tensor(direction, name), shape)));
        }
        shapes.push((DENSE_KERNEL.to_owned(), vec![DIRECTIONS * self.units, Emotion::COUNT]));
        shapes.push((DENSE_BIAS.to_owned(), vec![Emotion::COUNT]));
        shapes
    }

    /// He-uniform convolutions; the LSTM and the readout are initialised as elsewhere in the trainer.
    ///
    /// # Source
    /// He et al. 2015, equation 10, as `keras.initializers.HeUniform`.
    fn initial_parameters<T: Real>(&self, n_features: usize, rng: &mut impl Rng) -> Tensors<T> {
        let mut parameters = Tensors::filled(self.parameter_shapes(n_features), &T::zero());
        let mut set = |name: &str, values: Vec<f64>| {
            let to = &mut parameters.get_mut(name).values;
            assert_eq!(to.len(), values.len(), "{name} starts with a value for each of its own");
            to.iter_mut().zip(values).for_each(|(to, value)| *to = T::of(value));
        };
        let mut inputs = n_features;
        for (index, Convolution { channels, .. }) in self.convolutions.iter().enumerate() {
            let rows = self.width * inputs;
            let limit = (6.0 / rows as f64).sqrt();
            set(&kernel_name(index), uniform_between(-limit, limit, rows * channels, rng));
            inputs = *channels;
        }
        for direction in 0..DIRECTIONS {
            let start = &mut Start { inputs, units: self.units, tau: None, rng };
            for (name, values) in cells::initial(&CellConfig::Lstm, start) {
                set(&layer_tensor(direction, name), values);
            }
        }
        set(DENSE_KERNEL, glorot_uniform(DIRECTIONS * self.units, Emotion::COUNT, rng));
        parameters
    }
}

fn kernel_name(convolution: usize) -> String {
    format!("conv{convolution}.kernel")
}

fn bias_name(convolution: usize) -> String {
    format!("conv{convolution}.bias")
}

/// Convolutions over time with all features as channels, one LSTM in both directions, the mean of its outputs over time, and a dense layer.
///
/// # Source
/// After Etienne et al. 2018, "CNN+LSTM Architecture for Speech Emotion Recognition with Data Augmentation": four convolutional layers and one bidirectional
/// LSTM. Deliberate deviations: the features of the recipe instead of a spectrogram, and therefore convolutions over time alone (cepstral coefficients are the
/// smooth part of the log-mel bands, and the first layer sees all of them at once); smaller sizes, for which training takes minutes on one core;
/// no batch normalisation, which would let the gradient of a clip depend on its neighbours in the batch.
#[derive(Clone, Debug)]
pub struct CnnBilstm<T> {
    config: CnnBilstmConfig,
    /// The trained parameters, as listed by [`CnnBilstmConfig::parameter_shapes`].
    pub parameters: Tensors<T>,
    n_features: usize,
}

/// Output of the convolutions for a sequence.
struct Embedded<T> {
    /// Inputs of the LSTM, `[steps, channels]`.
    steps: Array2<T>,
    /// Dropout factors of the inputs; none without dropout.
    factors: Option<Array2<T>>,
    /// Saved values of each convolution.
    passed: Vec<Passed<T>>,
}

impl<T: Precision> CnnBilstm<T> {
    /// Creates a network with these parameters.
    ///
    /// # Errors
    /// [`NetworkError`] names the first parameter that does not fit the network.
    pub fn new(config: CnnBilstmConfig, n_features: usize, parameters: Tensors<T>) -> Result<Self, NetworkError> {
        check_shapes(&config.parameter_shapes(n_features), &parameters.shapes())?;
        Ok(Self { config, parameters, n_features })
    }

    /// Creates a network with initial parameters, drawn in f64 and rounded.
    pub fn init(config: CnnBilstmConfig, n_features: usize, rng: &mut impl Rng) -> Self {
        let parameters = config.initial_parameters(n_features, rng);
        Self { config, parameters, n_features }
    }

    /// The same network with other parameters.
    ///
    /// # Errors
    /// As [`CnnBilstm::new`].
    pub fn with_parameters(&self, parameters: Tensors<T>) -> Result<Self, NetworkError> {
        Self::new(self.config.clone(), self.n_features, parameters)
    }

    /// Probabilities of each sequence, in the order of the network's outputs.
    ///
    /// # Errors
    /// [`NetworkError::Shape`] or [`NetworkError::Empty`] for a sequence that does not fit.
    pub fn predict(&self, sequences: &[ArrayView2<'_, T>]) -> Result<Vec<[T; Emotion::COUNT]>, NetworkError> {
        T::predict_cnn(self, sequences)
    }

    /// Loss of a batch and its exact gradients.
    ///
    /// # Errors
    /// An input that does not fit, or a non-finite loss or gradient, with the parameter's name.
    pub fn loss_and_gradients(&self, batch: &Batch<'_, T>, l2: f64) -> Result<BatchOutcome<T>, NetworkError> {
        T::cnn_loss_and_gradients(self, batch, l2)
    }
}

impl<T: Real> CnnBilstm<T> {
    pub(super) fn generic_predict(&self, sequences: &[ArrayView2<'_, T>]) -> Result<Vec<[T; Emotion::COUNT]>, NetworkError> {
        let groups = groups(sequences, self.n_features)?;
        let (convolutions, bilstm) = (self.convolutions(), self.bilstm());
        let answers = |group: &Group<'_, T>| {
            let embedded = self.embed(&convolutions, group, Dropout::default());
            let pooled = bilstm.forward(&steps(&embedded)).pooled();
            pooled.iter().map(|pooled| softmax(batch::logits(&self.parameters, &pooled.view()))).collect()
        };
        let results: Vec<Vec<_>> = parallel::map(&groups, answers);
        Ok(batch::in_batch_order(&groups, results))
    }

    pub(super) fn generic_loss_and_gradients(&self, batch: &Batch<'_, T>, l2: f64) -> Result<BatchOutcome<T>, NetworkError> {
        check_labels(batch)?;
        let groups = groups(&batch.sequences, self.n_features)?;
        let (convolutions, bilstm) = (self.convolutions(), self.bilstm());
        let results = parallel::map(&groups, |group| self.learn_from_group(&convolutions, &bilstm, group, batch));
        BatchOutcome::of(&self.parameters, batch, &groups, results, l2)
    }

    fn learn_from_group(
        &self,
        convolutions: &[ConvolutionLayer<'_, T>],
        bilstm: &Bilstm<T>,
        group: &Group<'_, T>,
        batch: &Batch<'_, T>,
    ) -> GroupResult<T> {
        let embedded = self.embed(convolutions, group, batch.dropout);
        let mut ran = bilstm.forward(&steps(&embedded));
        let (mut result, of_pooled) = learn_readout(&self.parameters, batch, &group.indices, ran.pooled());
        let gradients = bilstm.backward(&mut ran, &of_pooled, &mut result.gradients);
        for (Embedded { factors, passed, .. }, mut gradient) in embedded.iter().zip(gradients) {
            if let Some(factors) = factors {
                gradient *= factors;
            }
            for (index, (convolution, passed)) in convolutions.iter().zip(passed).enumerate().rev() {
                let of_product = convolution.product_gradient(passed, &gradient);
                let tensors = &mut result.gradients;
                passed.add_kernel_gradient(&of_product, &mut tensors.matrix_mut(&kernel_name(index)));
                let mut of_bias = tensors.vector_mut(&bias_name(index));
                of_product.rows().into_iter().for_each(|row| of_bias += &row);
                if index > 0 {
                    gradient = convolution.input_gradient(&of_product);
                }
            }
        }
        result
    }

    /// Runs the convolutions over each sequence of a group.
    fn embed(&self, convolutions: &[ConvolutionLayer<'_, T>], group: &Group<'_, T>, dropout: Dropout) -> Vec<Embedded<T>> {
        let embed = |(sequence, place): (ArrayView2<'_, T>, usize)| {
            let mut steps = match factors(dropout, 0, place, sequence.dim()) {
                Some(factors) => factors * sequence,
                None => sequence.to_owned(),
            };
            let mut passed = Vec::with_capacity(convolutions.len());
            for convolution in convolutions {
                let (out, of_layer) = convolution.forward(&steps);
                steps = out;
                passed.push(of_layer);
            }
            let factors = factors(dropout, 1, place, steps.dim());
            if let Some(factors) = &factors {
                steps *= factors;
            }
            Embedded { steps, factors, passed }
        };
        let sequences = group.sequences.iter().map(|sequence| sequence.view());
        sequences.zip(group.indices.iter().copied()).map(embed).collect()
    }

    fn convolutions(&self) -> Vec<ConvolutionLayer<'_, T>> {
        let layer = |(index, Convolution { pool, .. }): (usize, &Convolution)| ConvolutionLayer {
            kernel: self.parameters.matrix(&kernel_name(index)),
            bias: self.parameters.vector(&bias_name(index)),
            width: self.config.width,
            pool: *pool,
        };
        self.config.convolutions.iter().enumerate().map(layer).collect()
    }

    fn bilstm(&self) -> Bilstm<T> {
        Bilstm::new(&self.parameters, self.config.units)
    }
}

fn steps<T>(embedded: &[Embedded<T>]) -> Vec<ArrayView2<'_, T>> {
    embedded.iter().map(|embedded| embedded.steps.view()).collect()
}

/// Dropout factors of the inputs of the convolutions (0) or of the LSTM (1); none without dropout.
fn factors<T: Real>(dropout: Dropout, layer: usize, place: usize, shape: (usize, usize)) -> Option<Array2<T>> {
    let mut drawn = dropout.factors(layer, place);
    // INVARIANT: the iterator of factors is infinite.
    (dropout.rate(layer) > 0.0).then(|| Array2::from_shape_simple_fn(shape, || drawn.next().expect("another factor")))
}
