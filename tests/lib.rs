//! Holds no code: the integration tests are in `it/`.
