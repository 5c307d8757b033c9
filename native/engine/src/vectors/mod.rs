//! Vectors on disk.

pub mod file;
