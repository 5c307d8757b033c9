//! Cancelling from JavaScript.

use napi_derive::napi;
use tiercel_engine::cancel::Cancel;

/// Handed to a call that can be cancelled; `cancel` makes that call reject with `Cancelled`.
#[napi]
pub struct CancelToken {
    pub(crate) flag: Cancel,
}

#[napi]
impl CancelToken {
    /// A token nobody has cancelled.
    #[napi(constructor)]
    pub fn new() -> Self {
        Self { flag: Cancel::new() }
    }

    /// Cancels. Idempotent.
    #[napi]
    pub fn cancel(&self) {
        self.flag.cancel();
    }
}
