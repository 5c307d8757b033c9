//! The engine behind Tiercel's store: vectors, lexical index and catalog of one repository.

pub use tiercel_base::{cancel, error};
pub mod catalog;
pub mod embed;
pub mod filter;
pub mod format;
pub mod lexical;
pub mod lock;
pub mod memory;
pub mod store;
pub mod top;
mod upgrade;
