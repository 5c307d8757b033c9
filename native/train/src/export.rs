//! `vectors.bin`, as the engine reads it: eight bits per component, a scale per row.

use std::path::Path;

use crate::Outcome;
use crate::model::Model;

/// Writes the file.
pub fn write(model: &Model, vocabulary: &Path, file: &Path) -> Outcome<()> {
    let rows = model.len();
    let mut scales = Vec::with_capacity(4 * rows);
    let mut codes = Vec::with_capacity(model.rows.len());
    for piece in 0..rows {
        let row = model.row(piece);
        let largest = row.iter().fold(0.0_f32, |max, x| max.max(x.abs()));
        let scale = largest / 127.0;
        scales.extend(scale.to_le_bytes());
        // Rounded and within -127..=127.
        #[allow(clippy::cast_possible_truncation)]
        codes.extend(row.iter().map(|x| {
            let code = if scale == 0.0 { 0.0 } else { (x / scale).round().clamp(-127.0, 127.0) };
            (code as i8).to_le_bytes()[0]
        }));
    }
    let mut content = scales;
    content.extend(codes);
    let lines = std::fs::read(vocabulary)?;
    let fields = [
        1,
        64,
        u32::try_from(rows)?,
        u32::try_from(model.dimension)?,
        crc32c::crc32c(&content),
        crc32c::crc32c(&lines),
    ];
    let mut bytes = b"TRCLSTAT".to_vec();
    for field in fields {
        bytes.extend(field.to_le_bytes());
    }
    bytes.resize(60, 0);
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    bytes.extend(content);
    std::fs::write(file, bytes)?;
    Ok(())
}
