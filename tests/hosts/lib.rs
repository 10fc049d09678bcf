//! What is measured in `bench` and tested here alike. The tests are in `main.rs`.

pub mod in_process;
