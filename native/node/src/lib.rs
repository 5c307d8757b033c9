//! The engine as a Node-API addon: conversions and threads, no logic.
// napi leaves its registration out of test builds, which clippy looks at too: nothing is used then.
#![cfg_attr(test, allow(dead_code))]

mod cancel;
mod columns;
mod embed;
mod governor;
mod gpu;
mod lock;
mod store;
mod task;
mod vectors;
