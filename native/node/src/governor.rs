//! What all open stores of the process share: settings, memory, and the report of both.

use std::sync::{PoisonError, RwLock};

use napi_derive::napi;
use tiercel_engine::error::{Error, Result};
use tiercel_engine::store::StoreOptions;
use tiercel_tier::{Class, PolicyKind, Settings, global};
use tiercel_vectors::{IndexKind, workers};

use crate::columns::{Bytes, float, whole};
use crate::gpu::gpu;
use crate::store;
use crate::task::to_napi;

/// Settings of the engine; absent members stay as they are.
#[napi(object)]
pub struct EngineSettings {
    /// Bytes of memory for everything the engine holds.
    pub memory_budget: Option<f64>,
    /// Bytes on the disk per store, 0 for no limit.
    pub disk_budget: Option<f64>,
    /// Vectors in all open stores, 0 for no limit.
    pub max_vectors: Option<f64>,
    /// `lru`, `lfu`, `s3-fifo` or `w-tinylfu`.
    pub policy: Option<String>,
    /// Threads of a search, 0 for as many as are good on this machine.
    pub threads: Option<u32>,
    /// Whether 4-bit codes are made. For stores opened afterwards.
    pub planes: Option<bool>,
    /// Whether new spaces keep half floats. For stores opened afterwards.
    pub halves: Option<bool>,
    /// `auto`, `exact` or `lsh`. For stores opened afterwards.
    pub index: Option<String>,
    /// Share of the true nearest neighbours a search is to find, 0.5 to 1.
    pub recall: Option<f64>,
}

/// What the engine holds and how it fares.
#[napi(object)]
pub struct EngineStatus {
    /// 0 to 1; writers are refused above 0.8.
    pub pressure: f64,
    /// `normal`, `shrink-caches`, `drop-int8`, `bits-only` or `refuse-writes`.
    pub level: String,
    /// What the pressure comes from.
    pub cause: String,
    /// A sentence for people.
    pub explanation: String,
    /// Bytes.
    pub memory_budget: f64,
    /// Bytes held: caches and all else.
    pub memory_used: f64,
    /// Bytes resident in the process, if the system tells.
    pub resident: Option<f64>,
    /// By part.
    pub parts: Vec<Bytes>,
    /// Page cache by class of codes.
    pub tiers: Vec<TierFigures>,
    /// The latest, oldest first.
    pub alerts: Vec<AlertFigures>,
    /// Which instructions the scans use.
    pub kernel: String,
    /// Which pages stay in memory.
    pub policy: String,
    /// Vectors in all open stores.
    pub vectors: f64,
}

/// One class of codes in the page cache.
#[napi(object)]
pub struct TierFigures {
    /// `bits`, `planes`, `bytes` or `halves`.
    pub class: String,
    /// In memory.
    pub pages: f64,
    /// In memory.
    pub bytes: f64,
    /// Found in memory.
    pub hits: f64,
    /// Read from the disk.
    pub misses: f64,
    /// Given up for others.
    pub evictions: f64,
    /// Brought in because queries asked for them often.
    pub promotions: f64,
}

/// A crossing of a threshold.
#[napi(object)]
pub struct AlertFigures {
    /// Grows by one.
    pub sequence: f64,
    /// Milliseconds since 1970.
    pub at_ms: f64,
    /// The level from then on.
    pub level: String,
    /// For people.
    pub message: String,
}

static CHOSEN: RwLock<Option<StoreOptions>> = RwLock::new(None);

/// What stores are opened with.
pub fn store_options() -> StoreOptions {
    let mut options = CHOSEN.read().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default();
    options.index.gpu = gpu();
    options
}

/// The kind of index of this name.
///
/// # Errors
/// [`Error::FixTheCall`] for a name that is none.
pub fn kind_named(name: &str) -> Result<IndexKind> {
    match name {
        "auto" => Ok(IndexKind::Auto),
        "exact" => Ok(IndexKind::Exact),
        "lsh" => Ok(IndexKind::Lsh),
        other => Err(Error::FixTheCall(format!("{other:?} is no kind of index: auto, exact and lsh are."))),
    }
}

/// Changes settings for the whole process, at any time.
#[napi]
#[allow(clippy::needless_pass_by_value, reason = "napi hands objects over")]
pub fn configure_engine(settings: EngineSettings) -> napi::Result<()> {
    configure(&settings).map_err(|error| to_napi(&error))
}

fn configure(settings: &EngineSettings) -> Result<()> {
    let mut next = store_options();
    let policy = settings.policy.as_deref().map(|name| {
        PolicyKind::named(name).ok_or_else(|| {
            Error::FixTheCall(format!("{name:?} is no eviction policy: lru, lfu, s3-fifo and w-tinylfu are."))
        })
    });
    let policy = policy.transpose()?;
    if let Some(kind) = &settings.index {
        next.index.kind = kind_named(kind)?;
    }
    if let Some(recall) = settings.recall {
        if !(0.5..=1.0).contains(&recall) {
            return Err(Error::FixTheCall(format!("A recall of {recall} cannot be aimed at: 0.5 to 1 can.")));
        }
        #[expect(clippy::cast_possible_truncation, reason = "a share")]
        let recall = recall as f32;
        next.search.recall = recall;
    }
    next.index.planes = settings.planes.unwrap_or(next.index.planes);
    next.halves = settings.halves.unwrap_or(next.halves);
    if let Some(budget) = settings.disk_budget {
        next.disk_budget = Some(whole(budget)).filter(|budget| *budget > 0);
    }
    if let Some(threads) = settings.threads {
        workers::configure(threads as usize)?;
    }
    global().configure(Settings {
        memory_budget: settings.memory_budget.map(whole),
        disk_budget: None,
        max_vectors: settings.max_vectors.map(whole),
        policy,
    });
    *CHOSEN.write().unwrap_or_else(PoisonError::into_inner) = Some(next.clone());
    store::for_each_open(|store| store.set_options(&next));
    Ok(())
}

/// What the engine holds now, with the alerts after `alerts_since`.
#[napi]
#[must_use]
pub fn engine_status(alerts_since: Option<f64>) -> EngineStatus {
    let governor = global();
    let reading = governor.monitor().reading();
    let stats = governor.cache().stats();
    let tiers = [Class::Bits, Class::Planes, Class::Bytes, Class::Halves].map(|class| {
        let figures = stats.of(class);
        TierFigures {
            class: class.name().to_owned(),
            pages: float(figures.pages),
            bytes: float(figures.bytes),
            hits: float(figures.hits),
            misses: float(figures.misses),
            evictions: float(figures.evictions),
            promotions: float(figures.promotions),
        }
    });
    let alerts = governor.monitor().alerts_since(alerts_since.map_or(0, whole));
    EngineStatus {
        pressure: reading.pressure,
        level: reading.level.name().to_owned(),
        cause: reading.cause.name().to_owned(),
        explanation: reading.explain(),
        memory_budget: float(reading.memory_budget),
        memory_used: float(reading.unevictable + reading.cache),
        resident: reading.rss.map(float),
        parts: governor.monitor().parts().into_iter().map(Bytes::from).collect(),
        tiers: tiers.into(),
        alerts: alerts
            .into_iter()
            .map(|alert| AlertFigures {
                sequence: float(alert.seq),
                at_ms: float(alert.at),
                level: alert.level.name().to_owned(),
                message: alert.message,
            })
            .collect(),
        kernel: tiercel_codec::Kernel::detect().name().to_owned(),
        policy: stats.policy.name().to_owned(),
        vectors: float(governor.books().vectors()),
    }
}
