//! How many cells a number of rows takes.

/// Below this many rows one cell holds everything: the exhaustive scan of one-bit codes is faster than probing there.
const PARTITIONED_FROM: u64 = 50_000;
/// What the rows to the power of 3/4 are divided by.
const PER_CELL: f64 = 16.0;
/// Rows of the sample per cell.
const SAMPLE_PER_CELL: u64 = 40;
/// Most cells; beyond, the choice among them costs as much as visiting them.
const MOST_CELLS: u64 = 1 << 16;

/// Cells for a number of rows: one below 50,000, then the power of two nearest to a sixteenth of
/// the number to the power of 3/4: 390 rows a cell at 100,000, 490 at a million, 1,220 at ten million. Smaller cells take
/// fewer rows and more time, since each costs as much as 30 rows; more of them than this take longer to rank than to visit.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
pub fn cells_for(rows: u64) -> u32 {
    if rows < PARTITIONED_FROM {
        return 1;
    }
    let exponent = ((rows as f64).powf(0.75) / PER_CELL).log2().round() as u32;
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

/// Rows that a number of cells is meant for.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
pub(crate) fn rows_meant(cells: usize) -> usize {
    (PER_CELL * cells as f64).powf(4.0 / 3.0) as usize
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
    fn cells_grow_more_slowly_than_rows() {
        let sizes = [0, 20_000, 49_999, 50_000, 100_000, 1_000_000, 10_000_000, 100_000_000, u64::MAX];
        assert_eq!(sizes.map(cells_for), [1, 1, 1, 256, 256, 2_048, 8_192, 65_536, 65_536]);
    }

    #[test]
    fn a_partition_is_outgrown_at_a_factor_of_four_in_cells() {
        assert!(!outgrown(1, 49_999) && outgrown(1, 50_000));
        assert!(!outgrown(2_048, 1_000_000) && !outgrown(2_048, 4_000_000) && outgrown(2_048, 9_000_000));
        assert!(!outgrown(2_048, 400_000) && outgrown(2_048, 100_000));
    }
}
