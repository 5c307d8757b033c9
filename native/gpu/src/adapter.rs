//! Which adapters there are, and which one is taken.

use std::fmt;

use tiercel_base::error::{Error, Result};

use crate::block_on::block_on;
use crate::options::{GpuMode, GpuOptions};
use crate::software;

/// An adapter, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterReport {
    /// As the driver names it.
    pub name: String,
    /// PCI vendor, or Khronos' number of one.
    pub vendor: u32,
    /// Name of the driver.
    pub driver: String,
    /// Version of the driver, in the driver's own words.
    pub driver_version: String,
    /// `discrete`, `integrated`, `virtual`, `software` or `other`.
    pub kind: &'static str,
    /// `vulkan`, `metal`, `dx12` or another API's name.
    pub backend: &'static str,
}

impl AdapterReport {
    fn of(info: &wgpu::AdapterInfo) -> Self {
        let kind = match info.device_type {
            wgpu::DeviceType::DiscreteGpu => "discrete",
            wgpu::DeviceType::IntegratedGpu => "integrated",
            wgpu::DeviceType::VirtualGpu => "virtual",
            wgpu::DeviceType::Cpu => "software",
            wgpu::DeviceType::Other => "other",
        };
        Self {
            name: info.name.clone(),
            vendor: info.vendor,
            driver: info.driver.clone(),
            driver_version: info.driver_info.clone(),
            kind,
            backend: info.backend.to_str(),
        }
    }

    /// Whether it is a program on the CPU.
    #[must_use]
    pub fn is_software(&self) -> bool {
        self.kind == "software"
    }

    /// The vendor's name where the number is a well-known one.
    #[must_use]
    pub fn vendor_name(&self) -> &'static str {
        match self.vendor {
            0x10DE => "NVIDIA",
            0x1002 | 0x1022 => "AMD",
            0x8086 => "Intel",
            0x106B => "Apple",
            0x5143 => "Qualcomm",
            0x13B5 => "Arm",
            0x1AE0 => "Google",
            0x10005 => "Mesa",
            0x1414 => "Microsoft",
            _ => "unknown",
        }
    }
}

impl fmt::Display for AdapterReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({}, {}", self.name, self.kind, self.backend)?;
        if !self.driver.is_empty() {
            write!(formatter, ", driver {}", self.driver)?;
        }
        if !self.driver_version.is_empty() {
            write!(formatter, " {}", self.driver_version)?;
        }
        formatter.write_str(")")
    }
}

/// An adapter that was taken, with what must outlive it.
pub(crate) struct Chosen {
    pub instance: wgpu::Instance,
    pub adapter: wgpu::Adapter,
    pub report: AdapterReport,
}

fn all() -> (wgpu::Instance, Vec<wgpu::Adapter>) {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    descriptor.flags = wgpu::InstanceFlags::empty();
    let instance = wgpu::Instance::new(descriptor);
    let adapters = block_on(instance.enumerate_adapters(wgpu::Backends::all()));
    (instance, adapters)
}

/// Every adapter of this machine that the GPU tier could use, software ones included.
#[must_use]
pub fn adapters() -> Vec<AdapterReport> {
    all().1.iter().map(|adapter| AdapterReport::of(&adapter.get_info())).collect()
}

/// Discrete before integrated before virtual; software last.
fn worth(report: &AdapterReport) -> u8 {
    match report.kind {
        "discrete" => 4,
        "integrated" => 3,
        "virtual" => 2,
        "other" => 1,
        _ => 0,
    }
}

/// The adapter that [`crate::Hot::open`] would take.
///
/// # Errors
/// As there.
pub fn find(options: &GpuOptions) -> Result<AdapterReport> {
    choose(options).map(|chosen| chosen.report)
}

/// The best adapter that the options allow.
pub(crate) fn choose(options: &GpuOptions) -> Result<Chosen> {
    if options.mode == GpuMode::Off {
        return Err(Error::FixTheCall("The GPU is turned off (tiercel.gpu.search is \"off\").".into()));
    }
    if options.allow_software {
        software::load();
    }
    let (instance, adapters) = all();
    let mut reports: Vec<(AdapterReport, wgpu::Adapter)> =
        adapters.into_iter().map(|adapter| (AdapterReport::of(&adapter.get_info()), adapter)).collect();
    let names: Vec<String> = reports.iter().map(|(report, _)| report.to_string()).collect();
    reports.retain(|(report, _)| options.allow_software || !report.is_software());
    // The first of equals: drivers list the preferred one first.
    reports.reverse();
    match reports.into_iter().max_by_key(|(report, _)| worth(report)) {
        Some((report, adapter)) => Ok(Chosen { instance, adapter, report }),
        None if names.is_empty() => Err(Error::InstallWhatIsMissing(
            "No GPU driver was found (Vulkan, Direct3D 12 or Metal). Searches run on the CPU.".into(),
        )),
        None => Err(Error::InstallWhatIsMissing(format!(
            "Only software adapters were found, which are slower than the CPU they run on: {}. Searches run on the CPU.",
            names.join("; ")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_gpu_that_is_off_is_not_opened() {
        let options = GpuOptions { mode: GpuMode::Off, ..GpuOptions::default() };
        assert!(matches!(choose(&options), Err(Error::FixTheCall(_))));
        assert_eq!(GpuMode::named("auto"), Some(GpuMode::Auto));
        assert_eq!(GpuMode::named("maybe"), None);
    }

    #[test]
    fn software_is_refused_by_name_unless_asked_for() {
        if testing::device().is_none() {
            return;
        }
        let hardware = adapters().iter().any(|report| !report.is_software());
        match choose(&GpuOptions::default()) {
            Ok(chosen) => assert!(hardware && !chosen.report.is_software()),
            Err(Error::InstallWhatIsMissing(message)) => {
                assert!(!hardware && message.contains(&adapters()[0].name), "{message}");
            }
            Err(other) => panic!("{other}"),
        }
        let any = choose(&GpuOptions { allow_software: true, ..GpuOptions::default() }).map(|chosen| chosen.report);
        assert_eq!(any.map(|report| report.is_software()), Ok(!hardware));
    }
}
