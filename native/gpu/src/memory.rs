//! How much of a device's memory there is and how much of it is free.

/// What the driver says about the memory local to the device, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceMemory {
    /// Of the largest heap.
    pub total: u64,
    /// What this process may still take of it, by the driver's estimate.
    pub free: u64,
}

/// The memory of a Vulkan adapter (`VK_EXT_memory_budget`); none where neither backend nor driver tells.
#[cfg(not(target_vendor = "apple"))]
pub fn read(adapter: &wgpu::Adapter) -> Option<DeviceMemory> {
    // SAFETY: the handle is only read, and the adapter outlives it. No resource is destroyed or kept.
    let hal = unsafe { adapter.as_hal::<wgpu::hal::api::Vulkan>() }?;
    let told = hal.physical_device_capabilities().supports_extension(ash::ext::memory_budget::NAME);
    let mut budget = ash::vk::PhysicalDeviceMemoryBudgetPropertiesEXT::default();
    let mut properties = ash::vk::PhysicalDeviceMemoryProperties2::default();
    if told {
        properties = properties.push_next(&mut budget);
    }
    let instance = hal.shared_instance().raw_instance();
    // SAFETY: the physical device belongs to this instance, both live as long as the adapter, and the structures that are
    // chained are those that the extension asks for.
    unsafe { instance.get_physical_device_memory_properties2(hal.raw_physical_device(), &mut properties) };
    let heaps = properties.memory_properties;
    let local = |heap: &usize| heaps.memory_heaps[*heap].flags.contains(ash::vk::MemoryHeapFlags::DEVICE_LOCAL);
    let heap = (0..heaps.memory_heap_count as usize).filter(local).max_by_key(|heap| heaps.memory_heaps[*heap].size)?;
    let total = heaps.memory_heaps[heap].size;
    // Without the extension nobody knows what others hold.
    told.then(|| DeviceMemory {
        total,
        free: budget.heap_budget[heap].saturating_sub(budget.heap_usage[heap]).min(total),
    })
}

/// Metal shares its memory with the processor and tells no such figure through `wgpu`.
#[cfg(target_vendor = "apple")]
pub fn read(_adapter: &wgpu::Adapter) -> Option<DeviceMemory> {
    None
}
