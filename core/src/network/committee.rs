//! Several networks that answer together.
//!
//! In: the same feature steps for every member. Out: logits whose softmax is the normalised geometric mean of the members' probabilities. Members of different
//! sizes and seeds make different errors, especially on voices that none of them was trained on, and what they agree on is more often correct than what
//! a single one is sure of. A single network is a committee of one, and nothing is averaged.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::{NetworkConfig, NetworkKernel, Tensor, Tensors};
use crate::emotion::Emotion;
use crate::mismatch::{Mismatch, check};
use crate::probabilities::log_softmax;

/// The networks of a model, in the order of its file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Committee {
    members: Vec<NetworkConfig>,
}

impl From<NetworkConfig> for Committee {
    fn from(network: NetworkConfig) -> Self {
        Self { members: vec![network] }
    }
}

impl Committee {
    /// Supported numbers of members.
    pub const MEMBERS: RangeInclusive<usize> = 1..=8;

    /// Creates a committee of these networks.
    #[must_use]
    pub const fn new(members: Vec<NetworkConfig>) -> Self {
        Self { members }
    }

    /// Its networks.
    #[must_use]
    pub fn members(&self) -> &[NetworkConfig] {
        &self.members
    }

    /// Its networks, mutable.
    pub fn members_mut(&mut self) -> &mut [NetworkConfig] {
        &mut self.members
    }

    /// Number of values carried from step to step, over all members.
    #[must_use]
    pub fn state_size(&self) -> usize {
        self.members.iter().map(NetworkConfig::state_size).sum()
    }

    /// Number of trained values over all members.
    #[must_use]
    pub fn n_parameters(&self, n_features: usize) -> usize {
        self.members.iter().map(|member| member.n_parameters(n_features)).sum()
    }

    /// Name and shape of every tensor of a model file, member by member.
    #[must_use]
    pub fn weight_shapes(&self, n_features: usize) -> Vec<(String, Vec<usize>)> {
        let of_member = |(index, member): (usize, &NetworkConfig)| {
            let named = move |(name, shape): (String, Vec<usize>)| (self.tensor_name(index, &name), shape);
            member.weight_shapes(n_features).into_iter().map(named).collect::<Vec<_>>()
        };
        self.members.iter().enumerate().flat_map(of_member).collect()
    }

    /// Checks the number of members and each of them.
    ///
    /// # Errors
    /// The first setting out of range, as `network.SETTING`, or with several members as `networks.MEMBER.SETTING`.
    pub fn validate(&self, n_features: usize) -> Result<(), Mismatch> {
        let n_members = self.members.len();
        check(Self::MEMBERS.contains(&n_members), "networks", format!("{:?} networks", Self::MEMBERS), n_members)?;
        for (index, member) in self.members.iter().enumerate() {
            member.validate(n_features).map_err(|mismatch| self.of_member(index, mismatch))?;
        }
        let n_weights: usize = self.weight_shapes(n_features).iter().map(|(_, shape)| shape.iter().product::<usize>()).sum();
        let most = NetworkConfig::MAX_WEIGHTS;
        check(n_weights <= most, "networks", format!("networks with at most {most} weights together"), n_weights)
    }

    /// [`NetworkConfig::validate_weights`] of every member.
    ///
    /// # Errors
    /// The first tensor with an impossible value, with the value and its place.
    pub fn validate_weights(&self, weights: &Tensors<f32>) -> Result<(), Mismatch> {
        let of_member = |(index, member): (usize, &NetworkConfig)| member.validate_weights(&self.weights_of(index, weights));
        self.members.iter().enumerate().try_for_each(of_member)
    }

    /// The tensors of a model file, from those that [`NetworkConfig::fold`] made for each member.
    ///
    /// # Panics
    /// When their number is not the number of members.
    #[must_use]
    pub fn join(&self, weights: Vec<Tensors<f32>>) -> Tensors<f32> {
        assert_eq!(weights.len(), self.members.len(), "weights for each member");
        let of_member = |(index, weights): (usize, Tensors<f32>)| {
            let named = move |tensor: &Tensor<f32>| Tensor { name: self.tensor_name(index, &tensor.name), ..tensor.clone() };
            weights.iter().map(named).collect::<Vec<_>>()
        };
        Tensors::new(weights.into_iter().enumerate().flat_map(of_member).collect())
    }

    /// The tensors of one member, with their names within that member.
    #[must_use]
    pub fn weights_of(&self, member: usize, weights: &Tensors<f32>) -> Tensors<f32> {
        let prefix = self.prefix(member);
        let of_member =
            |tensor: &Tensor<f32>| Some(Tensor { name: tensor.name.strip_prefix(&prefix)?.to_owned(), ..tensor.clone() });
        Tensors::new(weights.iter().filter_map(of_member).collect())
    }

    /// Prefix of the names of a member's tensors; empty for a single network.
    #[must_use]
    pub fn prefix(&self, member: usize) -> String {
        if self.members.len() == 1 { String::new() } else { format!("member{member}.") }
    }

    fn tensor_name(&self, member: usize, name: &str) -> String {
        format!("{}{name}", self.prefix(member))
    }

    fn of_member(&self, member: usize, mismatch: Mismatch) -> Mismatch {
        match mismatch.field.strip_prefix("network.") {
            Some(setting) if self.members.len() > 1 => Mismatch { field: format!("networks.{member}.{setting}"), ..mismatch },
            _ => mismatch,
        }
    }
}

/// The native kernel of a committee.
#[derive(Clone, Debug)]
pub struct CommitteeKernel {
    members: Vec<NetworkKernel>,
}

impl CommitteeKernel {
    /// Creates a kernel for `weights`.
    ///
    /// # Panics
    /// When `weights` do not have the shapes of [`Committee::weight_shapes`]; those of a [`crate::onnx::ModelFile`] do.
    #[must_use]
    pub fn new(committee: &Committee, weights: &Tensors<f32>) -> Self {
        let kernel = |(index, member): (usize, &NetworkConfig)| NetworkKernel::new(member, &committee.weights_of(index, weights));
        Self { members: committee.members.iter().enumerate().map(kernel).collect() }
    }

    /// Runs every member over the steps of `features`, as [`NetworkKernel::run`] does, and combines their answers.
    ///
    /// # Shapes
    /// `state` `[state_size]`, the members from the first.
    ///
    /// # Panics
    /// As [`NetworkKernel::run`].
    ///
    /// # Realtime safety
    /// No allocation, lock or system call.
    pub fn run(&mut self, features: &[f32], state: &mut [f32]) -> [f32; Emotion::COUNT] {
        let n_members = self.members.len() as f32;
        let mut rest = state;
        let mut sum = [0.0; Emotion::COUNT];
        for member in &mut self.members {
            let (state, after) = std::mem::take(&mut rest).split_at_mut(member.state_size());
            rest = after;
            let logits = member.run(features, state);
            if n_members == 1.0 {
                return logits;
            }
            for (sum, value) in sum.iter_mut().zip(log_softmax(logits)) {
                *sum += value;
            }
        }
        sum.map(|sum| sum / n_members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{CellConfig, Pooling};

    fn member(units: usize, pooling: Pooling) -> NetworkConfig {
        NetworkConfig { units, layers: 1, pooling, cell: CellConfig::LiquidGate }
    }

    fn weights(member: &NetworkConfig, n_features: usize, shift: f32) -> Tensors<f32> {
        let mut weights = Tensors::filled(member.weight_shapes(n_features), &0.0);
        for tensor in weights.iter_mut() {
            for (index, value) in tensor.values.iter_mut().enumerate() {
                *value = 0.3 * (shift + 1.7 * index as f32).sin();
            }
        }
        weights
    }

    #[test]
    fn the_answer_is_the_geometric_mean_of_the_members() {
        let committee = Committee::new(vec![member(5, Pooling::Last), member(3, Pooling::MeanDeviation)]);
        committee.validate(2).unwrap();
        let of_members = [weights(&committee.members[0], 2, 0.0), weights(&committee.members[1], 2, 1.0)];
        let joined = committee.join(of_members.to_vec());
        assert_eq!(joined.shapes(), committee.weight_shapes(2));
        assert_eq!(joined.iter().next().unwrap().name, "member0.layer0.projection");
        assert_eq!(committee.weights_of(1, &joined), of_members[1]);
        committee.validate_weights(&joined).unwrap();

        let features = [0.5, -1.0, 2.0, 0.25, -0.5, 1.0];
        let mut state = vec![0.0; committee.state_size()];
        let found = CommitteeKernel::new(&committee, &joined).run(&features, &mut state);
        let mut expected = [1.0_f64; Emotion::COUNT];
        let mut states = Vec::new();
        for (member, weights) in committee.members.iter().zip(&of_members) {
            let mut state = vec![0.0; member.state_size()];
            let logits = NetworkKernel::new(member, weights).run(&features, &mut state).map(f64::from);
            let total: f64 = logits.iter().map(|logit| logit.exp()).sum();
            for (mean, logit) in expected.iter_mut().zip(logits) {
                *mean *= (logit.exp() / total).sqrt();
            }
            states.extend(state);
        }
        assert_eq!(state, states);
        for (found, expected) in found.iter().zip(expected) {
            assert!((f64::from(*found) - expected.ln()).abs() < 1e-6, "{found} {}", expected.ln());
        }
    }

    #[test]
    fn a_network_alone_keeps_its_names_and_its_logits() {
        let network = member(4, Pooling::Last);
        let committee = Committee::from(network.clone());
        let weights = weights(&network, 3, 2.0);
        assert_eq!(committee.join(vec![weights.clone()]), weights);
        let features = [0.1, 0.2, 0.3];
        let alone = NetworkKernel::new(&network, &weights).run(&features, &mut [0.0; 4]);
        assert_eq!(CommitteeKernel::new(&committee, &weights).run(&features, &mut [0.0; 4]), alone);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_member() {
        let mut committee = Committee::new(vec![member(4, Pooling::Last), member(0, Pooling::Last)]);
        assert_eq!(committee.validate(3).unwrap_err().field, "networks.1.units");
        committee.members.clear();
        assert_eq!(committee.validate(3).unwrap_err().field, "networks");
        assert_eq!(Committee::from(member(0, Pooling::Last)).validate(3).unwrap_err().field, "network.units");
    }
}
