//! From corpora to exported models: the trainer and its command.
mod corpora;
mod corpus;
mod features;
mod manifests;
mod metrics;
mod networks;
mod prosody;
mod slurm;
mod speech;
mod sweep;
mod trainer;
mod training_math;
