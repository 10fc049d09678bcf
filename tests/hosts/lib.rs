//! Empty: a package needs a library, and the tests are in `main.rs`.
