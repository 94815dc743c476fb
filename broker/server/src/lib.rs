//! The running broker: library to embed, and the program.

pub mod config;
