//! The engine as a Node-API addon: conversions and threads, no logic.

mod cancel;
mod columns;
mod embed;
mod lock;
mod store;
mod task;
