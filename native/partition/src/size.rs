//! How many cells a number of rows takes.

/// Below this many rows one cell holds everything: the exhaustive scan of one-bit codes is faster than probing there.
const PARTITIONED_FROM: u64 = 300_000;
/// Rows of the sample per cell.
const SAMPLE_PER_CELL: u64 = 40;
/// Most cells; beyond, the choice among them costs as much as visiting them.
const MOST_CELLS: u64 = 1 << 16;

/// Cells for a number of rows: one up to 300,000, then the power of two nearest to four times the root of the number.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
pub fn cells_for(rows: u64) -> u32 {
    if rows < PARTITIONED_FROM {
        return 1;
    }
    let exponent = (4.0 * (rows as f64).sqrt()).log2().round() as u32;
    (1_u64 << exponent.min(63)).min(MOST_CELLS) as u32
}

/// Whether rows have grown past what `cells` cells are good for, so that a partition should be trained anew: four times
/// the cells would be chosen now, or a quarter.
#[must_use]
pub fn outgrown(cells: u32, rows: u64) -> bool {
    let wanted = u64::from(cells_for(rows));
    let cells = u64::from(cells.max(1));
    wanted >= 4 * cells || 4 * wanted <= cells
}

/// Rows that a number of cells is meant for: where four times their root is that number.
pub(crate) fn rows_meant(cells: usize) -> usize {
    (cells / 4).saturating_mul(cells / 4)
}

/// Rows of the sample that `cells` cells are trained on.
#[must_use]
pub fn sample_for(cells: u32) -> u64 {
    u64::from(cells) * SAMPLE_PER_CELL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_grow_with_the_root_of_the_rows() {
        let sizes = [0, 20_000, 299_999, 300_000, 1_000_000, 10_000_000, 100_000_000, u64::MAX];
        assert_eq!(sizes.map(cells_for), [1, 1, 1, 2_048, 4_096, 16_384, 32_768, 65_536]);
    }

    #[test]
    fn a_partition_is_outgrown_at_a_factor_of_four_in_cells() {
        assert!(!outgrown(1, 299_999) && outgrown(1, 300_000));
        assert!(!outgrown(4_096, 1_000_000) && !outgrown(4_096, 4_000_000) && outgrown(4_096, 16_000_000));
        assert!(!outgrown(4_096, 400_000) && outgrown(4_096, 200_000));
    }
}
