//! The selection on the device: tiles of keys become lists of the best, lists become shorter lists, until one is left.

use tiercel_base::error::{Error, Result};

use crate::device::Device;
use crate::params::{Section, Sections};

/// Keys of a workgroup: four lists, within these.
const LEAST_TILE: usize = 2048;
const MOST_TILE: usize = 16_384;

/// Keys that one workgroup selects `best` of.
pub fn tile(best: usize) -> usize {
    (4 * best).next_power_of_two().clamp(LEAST_TILE, MOST_TILE)
}

/// One dispatch of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// Elements of a search that go in.
    pub length: usize,
    /// Lists of a search that come out.
    pub lists: usize,
}

/// The dispatches that leave one list of `length` elements.
pub fn levels(length: usize, best: usize) -> Vec<Level> {
    let mut levels = Vec::new();
    let mut length = length;
    loop {
        let lists = length.div_ceil(tile(best)).max(1);
        levels.push(Level { length, lists });
        if lists == 1 {
            return levels;
        }
        length = lists * best;
    }
}

/// The parameters of a dispatch, as the kernel reads them.
pub struct Choice {
    pub length: usize,
    pub stride: usize,
    pub tile: usize,
    pub best: usize,
    pub out_stride: usize,
    pub out_first: usize,
    /// Whether elements are pairs of key and identifier.
    pub pairs: bool,
    pub id_first: usize,
}

impl Choice {
    pub fn push(&self, sections: &mut Sections) -> Result<Section> {
        let step = if self.pairs { 2 } else { 1 };
        let all =
            [self.length, self.stride, self.tile, self.best, self.out_stride, self.out_first, step, self.id_first];
        Ok(sections.push(&numbers(all)?))
    }
}

/// Numbers of 32 bits for the device.
pub fn numbers<const N: usize>(all: [usize; N]) -> Result<[u32; N]> {
    let mut out = [0; N];
    for (out, number) in out.iter_mut().zip(all) {
        *out = u32::try_from(number)
            .map_err(|_| Error::FixTheCall(format!("{number} is more than a GPU kernel can count.")))?;
    }
    Ok(out)
}

/// A group of bindings from 0 on.
pub fn bind(
    device: &Device,
    pipeline: &wgpu::ComputePipeline,
    resources: &[wgpu::BindingResource<'_>],
) -> wgpu::BindGroup {
    let entries: Vec<_> = (0..)
        .zip(resources)
        .map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource: resource.clone() })
        .collect();
    let layout = pipeline.get_bind_group_layout(0);
    device.gpu.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout: &layout, entries: &entries })
}

/// One dispatch of a kernel as a pass of its own, so that the next one sees what it wrote.
pub fn dispatch(
    encoder: &mut wgpu::CommandEncoder,
    pipeline: &wgpu::ComputePipeline,
    group: &wgpu::BindGroup,
    size: [u32; 3],
) {
    let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
    pass.set_pipeline(pipeline);
    pass.set_bind_group(0, group, &[]);
    pass.dispatch_workgroups(size[0], size[1], size[2]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_end_with_one_list_and_always_shrink() {
        for best in [1, 10, 512, 513, 1024, crate::MOST_BEST] {
            for length in [0, 1, 2048, 2049, 100_000, 10_000_000] {
                let levels = levels(length, best);
                assert_eq!((levels[0].length, levels.last().map(|level| level.lists)), (length, Some(1)));
                assert!(
                    levels
                        .windows(2)
                        .all(|pair| pair[1].length == pair[0].lists * best && pair[1].length < pair[0].length)
                );
            }
        }
    }
}
