//! Codes of vectors: what is stored instead of 32-bit floats.

pub mod bytes;
pub mod int8;
