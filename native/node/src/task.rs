//! Work off the event loop: the addon's own threads, and promises settled from them.
//!
//! Node's own pool is left alone: it has four threads, shared with the file system and DNS, and a commit that waits for
//! the disk would hold one of them.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use napi::bindgen_prelude::{Object, ToNapiValue};
use napi::{Env, JsDeferred};
use tiercel_engine::error::{Error, Result};

type Job = Box<dyn FnOnce() + Send>;

/// Which threads run a piece of work. Writers wait for each other and for the disk; readers must not wait behind them.
#[derive(Clone, Copy)]
pub enum Lane {
    /// Searches and look-ups: one thread per core, two to eight.
    Read,
    /// Opening, committing, closing: four threads.
    Write,
}

/// Runs `work` on the lane's threads and returns a promise for what it gives. `work` may block; a panic in it rejects
/// the promise with `Report`.
///
/// # Errors
/// When Node cannot make a promise.
pub fn run<T, W>(env: &Env, lane: Lane, work: W) -> napi::Result<Object<'_>>
where
    T: ToNapiValue + Send + 'static,
    W: FnOnce() -> Result<T> + Send + 'static,
{
    type Settle<T> = Box<dyn FnOnce(Env) -> napi::Result<T>>;
    let (deferred, promise): (JsDeferred<T, Settle<T>>, Object<'_>) = env.create_deferred()?;
    let job: Job = Box::new(move || match guarded(work) {
        Ok(value) => deferred.resolve(Box::new(move |_| Ok(value))),
        Err(error) => deferred.reject(to_napi(&error)),
    });
    // A send fails only when every thread of the lane is gone, which a caught panic cannot cause.
    let _ = sender(lane).send(job);
    Ok(promise)
}

/// Runs `work` here, turning a panic into `Report`.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(Error::Report(describe(panic.as_ref()))))
}

fn describe(panic: &(dyn Any + Send)) -> String {
    let what = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    format!("The engine stopped in the middle of a call: {what}.")
}

/// The engine's error as a JavaScript one: `tiercel:CODE:RETRY_AFTER_MS:MESSAGE`, taken apart by `server/src/native`.
#[must_use]
pub fn to_napi(error: &Error) -> napi::Error {
    let retry = error.retry_after_ms().map(|ms| ms.to_string()).unwrap_or_default();
    napi::Error::from_reason(format!("tiercel:{}:{retry}:{error}", error.code()))
}

fn sender(lane: Lane) -> Sender<Job> {
    static READ: OnceLock<Sender<Job>> = OnceLock::new();
    static WRITE: OnceLock<Sender<Job>> = OnceLock::new();
    match lane {
        Lane::Read => READ.get_or_init(|| {
            let cores = thread::available_parallelism().map_or(2, usize::from);
            start("tiercel-read", cores.clamp(2, 8))
        }),
        Lane::Write => WRITE.get_or_init(|| start("tiercel-write", 4)),
    }
    .clone()
}

fn start(name: &str, threads: usize) -> Sender<Job> {
    let (sender, receiver) = channel::<Job>();
    let receiver = Arc::new(Mutex::new(receiver));
    for _ in 0..threads {
        let receiver = Arc::clone(&receiver);
        let spawned = thread::Builder::new().name(name.to_owned()).spawn(move || serve(&receiver));
        // Without a single thread no promise would ever settle: better to stop loudly.
        spawned.expect("the operating system gives a thread");
    }
    sender
}

fn serve(receiver: &Mutex<Receiver<Job>>) {
    loop {
        let job = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}
