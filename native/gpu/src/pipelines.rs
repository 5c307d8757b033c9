//! The kernels, compiled once per device; where the backend can, what the driver made of them is kept on disk.

use std::fs;
use std::path::{Path, PathBuf};

use tiercel_base::error::{Error, Result};

use crate::block_on::block_on;

const KEYS: &str = include_str!("shaders/keys.wgsl");
const COMMON: &str = include_str!("shaders/common.wgsl");
const SCAN: &str = include_str!("shaders/scan.wgsl");
const GATHER: &str = include_str!("shaders/gather.wgsl");
const SELECT: &str = include_str!("shaders/select.wgsl");
const PRODUCT: &str = include_str!("shaders/product.wgsl");
const FLOATS: &str = include_str!("shaders/floats.wgsl");
const BYTES: &str = include_str!("shaders/bytes.wgsl");
const PACKED: &str = include_str!("shaders/packed.wgsl");
const UNPACKED: &str = include_str!("shaders/unpacked.wgsl");

/// Searches that one pass over the codes serves.
pub const TILE: usize = 4;

/// Compiled kernels.
pub struct Pipelines {
    /// 1-bit estimates for one search.
    pub scan_one: wgpu::ComputePipeline,
    /// 1-bit estimates for [`TILE`] searches.
    pub scan_tile: wgpu::ComputePipeline,
    pub gather: wgpu::ComputePipeline,
    pub select: wgpu::ComputePipeline,
    pub floats: wgpu::ComputePipeline,
    /// Products of bytes by the device's instruction, or what the shader compiler makes of it.
    pub bytes_packed: wgpu::ComputePipeline,
    /// Products of bytes one by one.
    pub bytes_unpacked: wgpu::ComputePipeline,
    /// Whether the device has the instruction.
    pub packed: bool,
}

impl Pipelines {
    pub fn compile(
        device: &wgpu::Device,
        adapter: &wgpu::Adapter,
        folder: Option<&Path>,
        packed: bool,
    ) -> Result<Self> {
        let store = Store::open(device, adapter, folder);
        let sound = device.push_error_scope(wgpu::ErrorFilter::Validation);
        let compile = |name: &str, entry: &str, parts: &[&str]| {
            let source = wgpu::ShaderSource::Wgsl(parts.concat().into());
            let module = device.create_shader_module(wgpu::ShaderModuleDescriptor { label: Some(name), source });
            device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(name),
                layout: None,
                module: &module,
                entry_point: Some(entry),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                cache: store.cache.as_ref(),
            })
        };
        let tile = format!("const TILE: u32 = {TILE}u;\n");
        let pipelines = Self {
            scan_one: compile("scan one", "scan", &["const TILE: u32 = 1u;\n", KEYS, COMMON, SCAN]),
            scan_tile: compile("scan tile", "scan", &[&tile, KEYS, COMMON, SCAN]),
            gather: compile("gather", "gather", &[COMMON, GATHER]),
            select: compile("select", "choose", &[SELECT]),
            floats: compile("floats", "product", &[KEYS, FLOATS, PRODUCT]),
            bytes_packed: compile("bytes packed", "product", &[KEYS, BYTES, PACKED, PRODUCT]),
            bytes_unpacked: compile("bytes unpacked", "product", &[KEYS, BYTES, UNPACKED, PRODUCT]),
            packed,
        };
        if let Some(error) = block_on(sound.pop()) {
            return Err(Error::Report(format!("A GPU kernel does not compile: {error}")));
        }
        store.save();
        Ok(pipelines)
    }
}

/// The driver's compiled form of the kernels, on disk.
struct Store {
    cache: Option<wgpu::PipelineCache>,
    file: Option<PathBuf>,
    before: usize,
}

impl Store {
    fn open(device: &wgpu::Device, adapter: &wgpu::Adapter, folder: Option<&Path>) -> Self {
        let key = wgpu::util::pipeline_cache_key(&adapter.get_info());
        let file = folder.zip(key).map(|(folder, key)| folder.join(key));
        let Some(file) = file.filter(|_| device.features().contains(wgpu::Features::PIPELINE_CACHE)) else {
            return Self { cache: None, file: None, before: 0 };
        };
        // A cache that cannot be read is made again.
        let data = fs::read(&file).ok();
        let descriptor = wgpu::PipelineCacheDescriptor { label: None, data: data.as_deref(), fallback: true };
        // SAFETY: the bytes come from `get_data` for an adapter of the same key, through a file in the user's own cache
        // folder that is only ever replaced whole; the driver checks their header and falls back to an empty cache.
        let cache = unsafe { device.create_pipeline_cache(&descriptor) };
        Self { cache: Some(cache), file: Some(file), before: data.map_or(0, |data| data.len()) }
    }

    /// Keeps what the driver compiled, if that is more than before. A start without it is only slower, so that a full disk
    /// is no error here.
    fn save(&self) {
        let data = self.cache.as_ref().and_then(wgpu::PipelineCache::get_data);
        let (Some(file), Some(data)) = (&self.file, data) else { return };
        if data.len() == self.before {
            return;
        }
        let next = file.with_extension(format!("{}.tmp", std::process::id()));
        let written = file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&next, data));
        if written.and_then(|()| fs::rename(&next, file)).is_err() {
            drop(fs::remove_file(next));
        }
    }
}
