//! The engine behind Tiercel's store: vectors, lexical index and catalog of one repository.

pub mod cancel;
pub mod catalog;
pub mod codec;
pub mod embed;
pub mod error;
pub mod filter;
pub mod format;
pub mod kernel;
pub mod lexical;
pub mod lock;
pub mod memory;
pub mod store;
pub mod top;
pub mod vectors;
