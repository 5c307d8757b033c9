//! Vulkan without a GPU: `SwiftShader`, which Debian's `chromium` brings with a loader of its own. It serves to prove the
//! kernels on machines without a GPU, and is never faster than the CPU it runs on.

use std::path::Path;
use std::sync::LazyLock;

const DRIVER: &str = "/usr/lib/chromium/vk_swiftshader_icd.json";
#[cfg(target_os = "linux")]
const LOADER: &str = "/usr/lib/chromium/libvulkan.so.1";

/// Makes Chromium's Vulkan loader known to this process where the system has none. Without effect anywhere else.
#[cfg(target_os = "linux")]
pub(crate) fn load() {
    static LOADED: LazyLock<()> = LazyLock::new(|| {
        if !Path::new(LOADER).exists() {
            return;
        }
        // SAFETY: the Vulkan loader's initialisers only set up its own state. It is never unloaded, so that whoever opens a
        // library of its name later gets a whole one; on a machine whose system has a loader, that one is kept.
        unsafe {
            let open = libloading::os::unix::Library::new;
            if let Ok(library) = open("libvulkan.so.1").or_else(|_| open(LOADER)) {
                std::mem::forget(library);
            }
        }
    });
    LazyLock::force(&LOADED);
}

/// Only Linux has such a loader to look for.
#[cfg(not(target_os = "linux"))]
pub(crate) fn load() {}

/// Chooses `SwiftShader` for this process where it is installed and no driver was chosen by `VK_ICD_FILENAMES` or
/// `VK_DRIVER_FILES`. For tests and examples.
///
/// # Safety
/// No other thread may read or write the environment meanwhile: see [`std::env::set_var`].
pub unsafe fn choose() {
    let told = ["VK_ICD_FILENAMES", "VK_DRIVER_FILES"].iter().any(|name| std::env::var_os(name).is_some());
    if !told && Path::new(DRIVER).exists() {
        // SAFETY: passed on to the caller.
        unsafe { std::env::set_var("VK_ICD_FILENAMES", DRIVER) };
    }
}
