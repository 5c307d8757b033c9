//! The GPU of the process, shared by all open stores.

use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;
use tiercel_base::error::{Error, Result};
use tiercel_gpu::adapter::{self, AdapterReport};
use tiercel_gpu::{Gpu, GpuMode, GpuOptions, GpuStatus, Hot};
use tiercel_tier::{Books, global};

use crate::columns::float;
use crate::store;
use crate::task::{Lane, run};

/// What the user wants of the GPU.
#[napi(object)]
pub struct GpuInput {
    /// `off`, `auto` or `on`.
    pub mode: String,
    /// Bytes of its memory, 0 for what is free less a reserve.
    pub memory_budget: f64,
    /// Takes a program on the CPU for a GPU.
    pub allow_software: bool,
    /// Folder for compiled kernels.
    pub pipeline_cache: String,
}

/// What happened to the GPU.
#[napi(object)]
pub struct GpuEventFigures {
    /// Grows by one, from 1 again when the GPU was configured anew.
    pub sequence: f64,
    /// Milliseconds since 1970.
    pub at_ms: f64,
    /// For people.
    pub message: String,
}

/// What the self-check found.
#[napi(object)]
pub struct GpuCheckFigures {
    /// Vectors that were compared.
    pub rows: f64,
    /// Whether the GPU gave what the CPU gave.
    pub equal: bool,
    /// Milliseconds.
    pub cpu_ms: f64,
    /// Milliseconds.
    pub gpu_ms: f64,
    /// Whether searches of this size use the GPU.
    pub used: bool,
}

/// The GPU's part in searches.
#[napi(object)]
pub struct GpuFigures {
    /// A sentence for people.
    pub sentence: String,
    /// As its driver names it; absent while none is open.
    pub adapter: Option<String>,
    /// `discrete`, `integrated`, `virtual`, `software` or `other`.
    pub kind: Option<String>,
    /// API and driver.
    pub driver: Option<String>,
    /// Bytes of its memory that may be held.
    pub budget: f64,
    /// Bytes of its memory that are held.
    pub held: f64,
    /// Pages of 1-bit codes there, and their bytes.
    pub pages: f64,
    /// Bytes.
    pub page_bytes: f64,
    /// Pages that searches found there, and did not.
    pub hits: f64,
    /// Not found.
    pub misses: f64,
    /// Pages that made room for others.
    pub evictions: f64,
    /// Searches it answered.
    pub searches: f64,
    /// Searches that went back to the CPU.
    pub failed_over: f64,
    /// The latest comparison with the CPU.
    pub check: Option<GpuCheckFigures>,
    /// The latest, oldest first.
    pub events: Vec<GpuEventFigures>,
}

/// What holds the tier, for all stores.
static GPU: LazyLock<Gpu> = LazyLock::new(Gpu::default);

/// Why there is none.
static WHY_NOT: Mutex<String> = Mutex::new(String::new());

fn why_not() -> MutexGuard<'static, String> {
    WHY_NOT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The place where stores find the GPU.
pub fn gpu() -> Gpu {
    GPU.clone()
}

/// Opens the GPU as the user wants it, or closes it. Resolves with whether one is open: that there is none which may be
/// used is no error, but the sentence of `gpuStatus`.
#[napi(ts_return_type = "Promise<boolean>")]
pub fn configure_gpu(env: &Env, input: GpuInput) -> napi::Result<Object<'_>> {
    run(env, Lane::Write, move || configure(&input))
}

fn configure(input: &GpuInput) -> Result<bool> {
    /// One at a time: devices are opened and closed in the order of the calls.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mode = GpuMode::named(&input.mode)
        .ok_or_else(|| Error::FixTheCall(format!("{:?} is no mode of the GPU: off, auto and on are.", input.mode)))?;
    // What is open first gives its memory back.
    drop(GPU.replace(None));
    let opened = open(&GpuOptions {
        mode,
        allow_software: input.allow_software,
        memory_budget: Some(crate::columns::whole(input.memory_budget)).filter(|bytes| *bytes > 0),
        pipeline_cache: Some(PathBuf::from(&input.pipeline_cache)),
        ..GpuOptions::default()
    });
    let open = match opened {
        Ok(hot) => {
            GPU.replace(Some(hot));
            true
        }
        Err(error) => {
            *why_not() = error.to_string();
            false
        }
    };
    store::for_each_open(tiercel_engine::store::Store::gpu_changed);
    Ok(open)
}

fn open(options: &GpuOptions) -> Result<Hot> {
    let report = adapter::find(options)?;
    // Memory that the GPU shares with the processor is in the same books.
    let own = Books::new();
    let books = if shares_memory(&report) { global().books() } else { &own };
    Hot::open(options.clone(), books.account("GPU tier"))
}

fn shares_memory(report: &AdapterReport) -> bool {
    matches!(report.kind, "integrated" | "software")
}

/// The GPU as it is now.
#[napi]
#[must_use]
pub fn gpu_status() -> GpuFigures {
    match GPU.get() {
        Some(hot) => figures(hot.status()),
        None => GpuFigures {
            sentence: why_not().clone(),
            adapter: None,
            kind: None,
            driver: None,
            budget: 0.0,
            held: 0.0,
            pages: 0.0,
            page_bytes: 0.0,
            hits: 0.0,
            misses: 0.0,
            evictions: 0.0,
            searches: 0.0,
            failed_over: 0.0,
            check: None,
            events: Vec::new(),
        },
    }
}

fn figures(status: GpuStatus) -> GpuFigures {
    let adapter = status.adapter.as_ref();
    GpuFigures {
        sentence: status.sentence,
        adapter: adapter.map(|adapter| adapter.name.clone()),
        kind: adapter.map(|adapter| adapter.kind.to_owned()),
        driver: adapter.map(|adapter| {
            format!("{} {} {}", adapter.backend, adapter.driver, adapter.driver_version).trim().to_owned()
        }),
        budget: float(status.budget),
        held: float(status.held),
        pages: float(status.pages.pages),
        page_bytes: float(status.pages.bytes),
        hits: float(status.pages.hits),
        misses: float(status.pages.misses),
        evictions: float(status.pages.evictions),
        searches: float(status.searches),
        failed_over: float(status.failed_over),
        check: status.check.map(|check| GpuCheckFigures {
            rows: float(check.rows as u64),
            equal: check.equal,
            cpu_ms: check.cpu_ms,
            gpu_ms: check.gpu_ms,
            used: check.used,
        }),
        events: status
            .events
            .into_iter()
            .map(|event| GpuEventFigures {
                sequence: float(event.seq),
                at_ms: event.at.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64() * 1e3),
                message: event.message,
            })
            .collect(),
    }
}
